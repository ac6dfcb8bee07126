from __future__ import annotations

import csv
import json
import re
import subprocess
import sys

import pytest

from constrained_rcnn.apps.evidence.command import main
from constrained_rcnn.evidence.registry import WITNESSES
from tests.helpers.browser import check_page, look, needs_chromium, print_pdf
from tests.helpers.photo_files import as_jpeg, as_png, exif, photo

QUICK = ["--without", "copy_move", "jpeg_ghosts"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of results: of an original with a place, of a screenshot with a hostile name, of what is no image."""
    root = tmp_path_factory.mktemp("evidence")
    block = exif(make="Maker", model="M1", software="GIMP", gps=True, thumbnail=photo()[::4, ::4])
    (root / "original.jpg").write_bytes(as_jpeg(photo(), 92, exif=block))
    (root / "=<b>screenshot.png").write_bytes(as_png(photo()))
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    status = main(["--input", *map(str, sorted(root.glob("*.*"))), "--output", str(root / "out"), *QUICK])
    return root, status


def _names(folder, suffix):
    return sorted(path.name for path in folder.glob(f"*{suffix}"))


def test_one_sheet_and_json_per_image(made):
    root, status = made
    assert status == 1  # something was skipped
    sheets, records = (_names(root / "out", suffix) for suffix in ("_evidence.html", "_evidence.json"))
    assert len(sheets) == len(records) == 2 and "original_evidence.html" in sheets
    record = json.loads((root / "out" / "original_evidence.json").read_text(encoding="utf-8"))
    assert [one["witness"] for one in record["findings"]] == [
        name for name in WITNESSES if name not in ("copy_move", "jpeg_ghosts")
    ]
    assert record["width"] == photo().shape[1] and len(record["sha256"]) == 64


def test_table_has_a_column_per_witness(made):
    root, _ = made
    with open(root / "out" / "evidence.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["file"].rpartition("/")[2]: row for row in csv.DictReader(file)}
    assert rows["original.jpg"]["metadata"] == "weak" and rows["original.jpg"]["strongest"] != ""
    assert "damaged" in rows["broken.jpg"]["skipped"]
    assert "copy_move" not in rows["original.jpg"]
    assert "13.4" not in (root / "out" / "evidence.csv").read_text(encoding="utf-8-sig")


def test_place_is_shown_only_on_request(made, tmp_path):
    root, _ = made
    for suffix in ("html", "json"):
        assert "13.4" not in (root / "out" / f"original_evidence.{suffix}").read_text(encoding="utf-8")
    options = ["--gps", "--witnesses", "metadata"]
    assert main(["--input", str(root / "original.jpg"), "--output", str(tmp_path / "out"), *options]) == 0
    for suffix in ("html", "json"):
        assert "13.4" in (tmp_path / "out" / f"original_evidence.{suffix}").read_text(encoding="utf-8")
    assert "13.4" not in (tmp_path / "out" / "evidence.csv").read_text(encoding="utf-8-sig")


def test_sheet_says_what_it_must(made):
    root, _ = made
    page = (root / "out" / "original_evidence.html").read_text(encoding="utf-8")
    assert "supports, or does not support" in page and "not added up" in page
    for name in ("Provenance", "Metadata", "Noise", "Block grid"):
        assert f"{name}: <span" in page
    assert "<script" not in page and "<details>" in page and "Innocent causes" in page
    assert page.count("data:image/jpeg") == page.count("<image id") + page.count("<img")  # the image itself once


def test_names_and_metadata_are_escaped(made):
    root, _ = made
    (name,) = [name for name in _names(root / "out", "_evidence.html") if "original" not in name]
    page = (root / "out" / name).read_text(encoding="utf-8")
    assert "<b>screenshot" not in page and "&lt;b&gt;screenshot" in page


@needs_chromium
def test_sheet_in_a_browser(made, tmp_path):
    root, _ = made
    check_page(root / "out" / "original_evidence.html", tmp_path, images=1)


#: Chooses each opacity in turn; what the map of noise has then, the others, and whether keys can reach it.
_SLIDE = """(() => {
  const map = [...document.querySelectorAll('.viewer label')].find(label => label.textContent == 'Noise');
  document.getElementById(map.htmlFor).click();
  const shown = () => [...document.querySelectorAll('.layer')].filter(one => getComputedStyle(one).display != 'none');
  return [...document.querySelectorAll('.steps input')].map(step => {
    step.click();
    step.focus();
    return [shown().length, getComputedStyle(shown()[0].querySelector('.map')).opacity, document.activeElement == step,
            step.labels[0].textContent];
  });
})()"""


@needs_chromium
def test_opacity_slides_without_a_script_of_the_page(made, tmp_path):
    root, _ = made
    steps = look(root / "out" / "original_evidence.html", tmp_path, ask=_SLIDE)["asked"]
    assert steps == [[1, str(share), True, f"{step}%"]
                     for step, share in ((0, 0), (25, 0.25), (50, 0.5), (75, 0.75), (100, 1))]  # fmt: skip


@needs_chromium
def test_folded_facts_are_printed(made, tmp_path):
    root, _ = made
    page = root / "out" / "original_evidence.html"
    text = page.read_text(encoding="utf-8")
    shown = "getComputedStyle(document.querySelector('.folded')).display"
    assert look(page, tmp_path, ask=shown)["asked"] == "none"
    opened = f"(document.querySelector('details').open = true, {shown})"
    assert look(page, tmp_path, ask=opened)["asked"] == "block"
    without = page.with_name("without.html")
    without.write_text(re.sub(r'<div class="folded.*?</div>', "", text, flags=re.DOTALL), encoding="utf-8")
    pages = [len(re.findall(rb"/Type /Page\b", print_pdf(one, tmp_path))) for one in (page, without)]
    assert pages[0] > pages[1] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--witnesses", "noise", "--without", "noise"], "no witness is left"),
        (["--input", "missing.jpg"], "no image found there"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, options, said):
    (tmp_path / "a.png").write_bytes(as_png(photo()[:64, :64]))
    assert main(["--input", str(tmp_path / "a.png"), "--output", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_evidence_needs_no_torch():
    code = "import sys, constrained_rcnn.apps.evidence.run; assert not {'torch', 'detectron2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
