"""The evidence sheet of each detected image: written, told in JSON, table and pages, made again where it is missing."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from constrained_rcnn.apps import cli
from constrained_rcnn.apps.detect import detector
from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.apps.evidence.options import ALL_WITNESSES, EvidenceOptions
from constrained_rcnn.evidence import Level, copy_move
from constrained_rcnn.evidence.registry import WITNESSES
from constrained_rcnn.inference import predictor
from constrained_rcnn.model_zoo import config_file
from tests.helpers.browser import check_page, needs_chromium
from tests.helpers.copied import forged, photo
from tests.helpers.detect_files import CopyMarker, table
from tests.helpers.photo_files import as_jpeg, exif

CONFIG = config_file("constrained_rcnn_small.yaml")
QUICK = EvidenceOptions(("metadata", "noise", "network"))


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "ManipulationPredictor", CopyMarker)
    monkeypatch.setattr(CopyMarker, "seen", [])
    (tmp_path / "w.pth").write_bytes(b"weights")
    return ["MODEL.WEIGHTS", str(tmp_path / "w.pth")]


@pytest.fixture
def files(tmp_path):
    """A copy-move, and a photo whose metadata names an editor and a place."""
    (tmp_path / "in").mkdir()
    Image.fromarray(forged(photo())[0][:, :, ::-1]).save(tmp_path / "in" / "copied.png")
    block = exif(software="GIMP", gps=True)
    (tmp_path / "in" / "named.jpg").write_bytes(as_jpeg(photo()[:, :, ::-1], 92, exif=block))
    return [str(tmp_path / "in")]


def findings(path):
    evidence = json.loads(path.read_text(encoding="utf-8"))["evidence"]
    return {one["witness"]: one for one in evidence["findings"]}


def test_sheets_json_table_and_pages_tell_the_same(files, options, tmp_path):
    out = tmp_path / "out"
    assert run(CONFIG, files, str(out), options) == 0
    copied, named = (findings(out / f"{name}.json") for name in ("copied", "named"))
    assert list(copied) == list(ALL_WITNESSES) and copied["copy_move"]["finding"] == "strong"
    assert copied["network"]["finding"] == "weak" and named["metadata"]["finding"] == "weak"
    rows = {row["name"]: row for row in table(out / "results.csv")}
    for name, told in (("copied", copied), ("named", named)):
        assert {one: rows[name][one].replace(" ", "_") for one in told} == {
            one: finding["finding"] for one, finding in told.items()
        }
        sheet = (out / f"{name}_evidence.html").read_text(encoding="utf-8")
        assert all(finding["title"] + ": <span" in sheet for finding in told.values())
    assert rows["copied"]["strongest"] == "strong"
    page = (out / "results.html").read_text(encoding="utf-8")
    assert 'href="copied_evidence.html"' in page and "Copy-move: strong" in page
    by_metadata = (out / "results-by-metadata.html").read_text(encoding="utf-8")
    assert by_metadata.index("named.jpg") < by_metadata.index("copied.png")
    by_strongest = (out / "results-by-strongest.html").read_text(encoding="utf-8")
    assert by_strongest.index("copied.png") < by_strongest.index("named.jpg")
    assert "13.4" not in (out / "named.json").read_text(encoding="utf-8")
    run(CONFIG, files, str(out), options, evidence=None)
    assert sorted(path.name for path in out.glob("*.html")) == ["results.html"]
    assert json.loads((out / "copied.json").read_text())["evidence"] is None
    assert "evidence" not in (out / "results.html").read_text(encoding="utf-8").partition("<h2>Results,")[2]
    assert table(out / "results.csv")[0]["strongest"] == ""


def test_regions_are_matched_once(files, options, tmp_path, monkeypatch):
    calls = []
    plain = detector.find_repeats
    monkeypatch.setattr(detector, "find_repeats", lambda *some, **more: calls.append(1) or plain(*some, **more))
    monkeypatch.setattr(copy_move, "find_repeats", None)  # a second time would be an error
    run(CONFIG, files, str(tmp_path / "out"), options, evidence=EvidenceOptions(("copy_move",)))
    assert len(calls) == 2
    told = findings(tmp_path / "out" / "copied.json")["copy_move"]
    assert told["finding"] == "strong" and "error" not in told["facts"]
    run(CONFIG, files, str(tmp_path / "other"), options, copy_move=False)
    assert "copy_move" not in findings(tmp_path / "other" / "copied.json") and len(calls) == 2


def test_resume_makes_what_lacks_the_sheet(files, options, tmp_path):
    out = tmp_path / "out"

    def runs(evidence):
        CopyMarker.seen.clear()
        assert run(CONFIG, files, str(out), options, resume=True, evidence=evidence) == 0
        return len(CopyMarker.seen)

    assert runs(None) == 2 and runs(None) == 0
    assert runs(QUICK) == 2 and runs(QUICK) == runs(None) == 0
    assert runs(EvidenceOptions(("metadata",))) == 0  # there is more than was asked for
    (out / "named_evidence.html").unlink()
    assert runs(QUICK) == 1 and (out / "named_evidence.html").is_file()
    assert runs(EvidenceOptions(("metadata",), gps=True)) == 2
    assert "13.4" in (out / "named.json").read_text(encoding="utf-8")
    assert "13.4" in (out / "named_evidence.html").read_text(encoding="utf-8")
    assert "13.4" not in (out / "results.csv").read_text(encoding="utf-8")
    assert runs(QUICK) == 2  # nobody had asked the noise


def test_a_broken_witness_costs_itself(files, options, tmp_path, monkeypatch):
    def broken(exhibit):
        raise MemoryError("no room")

    monkeypatch.setitem(
        WITNESSES, "noise", WITNESSES["noise"].__class__(**{**vars(WITNESSES["noise"]), "observe": broken})
    )
    assert run(CONFIG, files, str(tmp_path / "out"), options, evidence=QUICK) == 0
    told = findings(tmp_path / "out" / "named.json")
    assert told["noise"]["finding"] == "cannot_be_judged" and "no room" in told["noise"]["sentence"]
    assert told["metadata"]["finding"] == "weak" and told["network"]["finding"] == "weak"


def test_options_choose_the_witnesses(files, options, tmp_path, capsys):
    def call(out, *more):
        return cli.main(["detect", "--config-file", CONFIG, "--input", *files, "--output", str(tmp_path / out), *more,
                         "--opts", *options])  # fmt: skip

    assert call("one", "--witnesses", "noise", "network", "--without", "noise") == 0
    assert list(findings(tmp_path / "one" / "named.json")) == ["network"]
    assert call("two", "--no-evidence") == 0
    assert not list((tmp_path / "two").glob("*_evidence.html"))
    assert call("three", "--witnesses", "noise", "--without", "noise") == 2
    assert call("four", "--witnesses", "copy_move", "--no-copy-move") == 2
    assert capsys.readouterr().err.count("no witness is left") == 2


@needs_chromium
def test_pages_in_a_browser(files, options, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "in" / "copied.png").rename(tmp_path / "in" / "<img src=x onerror=alert(1)>.png")
    run(CONFIG, files, str(out), options)
    for page, images in (("results-by-strongest.html", 2), ("results.html", 2), ("named_evidence.html", 1)):
        check_page(out / page, tmp_path, images=images)


def test_levels_of_the_table_are_those_of_the_scale():
    assert [level.words for level in Level] == ["nothing found", "weak", "moderate", "strong", "cannot be judged"]
