"""Sealed cases with a tiny network: sealed, verified, and what does not pass for the same."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.apps.case import verify as verify_module
from constrained_rcnn.apps.case.layout import MANIFEST
from constrained_rcnn.apps.case.manifest import write_manifest
from constrained_rcnn.apps.case.seal import seal
from constrained_rcnn.apps.case.verify import verify
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import TINY, tiny_model

CONFIG = config_file("constrained_rcnn_small.yaml")
#: Names that would break a list of digests, a terminal, a page or another system; the last is no image.
NAMES = (
    "plain.png",
    "a\nb \u202e.png",
    "-rf ; $(x) [1].PNG",
    "same-12345678.png",
    "\u00fc" * 100 + ".png",
    "broken.jpg",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder of a case, its weights, exit status and what was printed."""
    root = tmp_path_factory.mktemp("case")
    metadata = {"classes": ["splice", "copy-move", "removal"], "decision_threshold": 0.25}
    ManipulationCheckpointer(tiny_model(), str(root), metadata=metadata).save("model")
    (root / "in").mkdir()
    for seed, name in enumerate(NAMES[:-1]):
        pixels = np.random.default_rng(seed).integers(0, 256, (72, 90, 3), np.uint8)
        Image.fromarray(pixels).save(root / "in" / name, format="png")
    (root / "in" / NAMES[-1]).write_bytes(b"\xff\xd8\xff broken")
    weights = root / "model.pth"
    inputs = [str(root / "in" / name) for name in NAMES]
    status = seal(str(root / "case"), CONFIG, inputs, [*TINY, "MODEL.WEIGHTS", str(weights)])
    return root / "case", weights, status


@pytest.fixture
def copied(made, tmp_path):
    """A copy that a test may spoil, at another place than it was sealed at."""
    shutil.copytree(made[0], tmp_path / "copy")
    return tmp_path / "copy"


def reseal(folder):
    """What a forger does: the list of digests is made anew."""
    (folder / MANIFEST).unlink()
    write_manifest(folder, {})


def test_a_case_keeps_files_settings_results_and_log(made):
    folder, weights, status = made
    assert status == 1  # one file is no image
    told = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    assert len(told["files"]) == len(NAMES) and {"torch", "detectron2", "threads"} <= told["environment"].keys()
    assert told["weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    for name, one in zip(NAMES, told["files"]):
        copy = folder / one["copy"]
        assert copy.read_bytes() == (folder.parent / "in" / name).read_bytes()
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == one["sha256"]
        assert copy.stat().st_mode & 0o222 == 0
        assert "\n" not in one["original"] and "\u202e" not in one["original"]
    assert (
        len(list((folder / "results").glob("*.json"))) == len(list((folder / "results").glob("*_evidence.html"))) == 5
    )
    record = json.loads((folder / "results" / "plain_0001.json").read_text(encoding="utf-8"))
    assert [one["witness"] for one in record["evidence"]["findings"]] == told["options"]["witnesses"]
    assert "network" in told["options"]["witnesses"] and told["options"]["gps"] is False
    assert all((folder / "results" / f"{stem}_map.png").is_file() for stem in ("plain_0001", "same-12345678_0004"))
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert told["files"][0]["sha256"] in log and "skipped" in log


def test_sha256sum_reads_the_seal(made):
    done = subprocess.run(["sha256sum", "--strict", "-c", MANIFEST], cwd=made[0], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == sum(path.is_file() for path in made[0].rglob("*")) - 1


def test_verified_elsewhere_it_is_equal(made, copied, capsys):
    digest = hashlib.sha256((made[0] / MANIFEST).read_bytes()).hexdigest()
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*")}
    assert verify(str(copied), weights=str(made[1]), digest=digest) == 0
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("*")} == before
    said = capsys.readouterr().out
    assert "digests: equal, as is the one noted elsewhere" in said and digest in said
    assert "then," not in said and said.splitlines()[-1] == "equal: 10 comparisons"


def test_other_versions_are_named_and_a_forged_result_is_found(made, copied, capsys, monkeypatch):
    path = copied / "results" / "plain_0001.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "score": record["score"] - 0.2, "manipulated": None}), encoding="utf-8")
    reseal(copied)
    plain = verify_module.environment
    monkeypatch.setattr(verify_module, "environment", lambda device: {**plain(device), "torch": "99.0"})
    assert verify(str(copied), weights=str(made[1])) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("plain_0001") and "detection" in line]
    assert "differs: manipulated None then" in line and "score" in line
    assert any(line.startswith("  torch: ") and line.endswith(" then, 99.0 now") for line in lines)
    assert sum(line.endswith("  equal within tolerance") for line in lines) == 9
    assert lines[-1] == "differs: 1 of 10 comparisons"


def test_a_finding_that_was_forged_is_found(made, copied, capsys):
    path = copied / "results" / "plain_0001.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["evidence"]["findings"][-1]["finding"] = "moderate"
    path.write_text(json.dumps(record), encoding="utf-8")
    reseal(copied)
    assert verify(str(copied), weights=str(made[1])) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum("differs: network: moderate then" in line for line in lines) == 1


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda folder: _flip(folder / "originals" / "plain_0001.png"), "changed: originals/plain_0001.png"),
        (lambda folder: _flip(folder / "results" / "plain_0001.json"), "changed: results/plain_0001.json"),
        (
            lambda folder: (folder / "results" / "plain_0001_evidence.html").unlink(),
            "missing: results/plain_0001_evidence.html",
        ),
        (lambda folder: (folder / "a\nb").write_bytes(b""), "added: a\\nb"),
        (lambda folder: (folder / ".lock").write_bytes(b""), "added: .lock"),
        (lambda folder: (folder / "more").symlink_to(folder / "results"), "added: more"),
    ],
)
def test_what_changed_is_named(spoil, said, copied, capsys):
    spoil(copied)
    assert verify(str(copied)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == said and lines[-1].startswith("differs: ")


def _flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_link_in_place_of_a_file_is_a_change(copied, capsys):
    path = copied / "log.txt"
    path.rename(copied.parent / "log.txt")
    path.symlink_to(copied.parent / "log.txt")
    assert verify(str(copied), rerun=False) == 1
    assert "changed: log.txt" in capsys.readouterr().out


def test_a_forger_s_digest_is_not_the_one_that_was_noted(made, copied, capsys):
    digest = hashlib.sha256((made[0] / MANIFEST).read_bytes()).hexdigest()
    _flip(copied / "originals" / "plain_0001.png")
    reseal(copied)
    assert verify(str(copied), rerun=False) == 0  # nobody can tell without it
    assert verify(str(copied), digest=digest, rerun=False) == 1
    assert "not the case that was sealed" in capsys.readouterr().out


def test_missing_and_other_weights_are_one_line(made, copied, tmp_path):
    with pytest.raises(UserError, match="other weights than the package's own.*--weights FILE .model.pth, SHA-256"):
        verify(str(copied))
    (tmp_path / "other.pth").write_bytes(b"other")
    with pytest.raises(UserError, match="--weights .*other.pth: SHA-256 .*model.pth"):
        verify(str(copied), weights=str(tmp_path / "other.pth"))
    with pytest.raises(FileNotFoundError):
        verify(str(copied), weights=str(tmp_path / "none.pth"))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("weights"),
        lambda told: told.update(schema_version=1),
        lambda told: told.update(config_sha256="../" * 20),
        lambda told: told["options"].update(pages=["first"]),
        lambda told: told["options"].update(witnesses=["nobody"]),
        lambda told: told["options"].update(gps="yes"),
    ],
)
def test_a_case_file_that_is_not_ours_is_one_line(change, made, copied):
    path = copied / "case.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    change(told)
    path.write_text(json.dumps(told), encoding="utf-8")
    reseal(copied)
    with pytest.raises(UserError, match="case.json: "):
        verify(str(copied), weights=str(made[1]))


def test_a_config_that_leads_elsewhere_is_not_read(made, copied):
    told = json.loads((copied / "case.json").read_text(encoding="utf-8"))
    old = copied / "results" / f"config-{told['config_sha256'][:12]}.yaml"
    text = old.read_bytes() + b"_BASE_: https://example.org/base.yaml\n"
    told["config_sha256"] = hashlib.sha256(text).hexdigest()
    old.unlink()
    (old.parent / f"config-{told['config_sha256'][:12]}.yaml").write_bytes(text)
    (copied / "case.json").write_text(json.dumps(told), encoding="utf-8")
    reseal(copied)
    with pytest.raises(UserError, match="not the config that the case names"):
        verify(str(copied), weights=str(made[1]))
