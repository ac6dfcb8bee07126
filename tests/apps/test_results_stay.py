"""Results of earlier runs: nothing that a later run does or suffers loses them."""

from __future__ import annotations

import csv
import errno
import io
import itertools
import json
import os

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.apps.detect import table as results_table
from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.inference import predictor
from constrained_rcnn.inference.result import ManipulationResult
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.utils import locks
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.files import output_error
from tests.helpers.processes import claimed_elsewhere

CONFIG = config_file("constrained_rcnn_small.yaml")


class Quick:
    """A predictor without a network: what the command does with files is the same."""

    score = 0.25

    def __init__(self, cfg):
        self.cfg = cfg

    def __call__(self, data, page=None, progress=None):
        with Image.open(io.BytesIO(data)) as image:
            size = image.height, image.width
        score_map = np.full(size, self.score, np.float32)
        return ManipulationResult(False, self.score, 0.5, (), score_map, np.zeros((*size, 3), np.uint8))


@pytest.fixture
def detect(tmp_path, monkeypatch):
    """Runs the command over names of images, which are made where they are missing."""
    monkeypatch.setattr(predictor, "ManipulationPredictor", Quick)
    monkeypatch.setattr(Quick, "score", 0.25)
    (tmp_path / "w.pth").write_bytes(b"weights")

    def call(*names, **options):
        files = []
        for name in names:
            files.append(str(tmp_path / "in" / name))
            if not os.path.exists(files[-1]):
                os.makedirs(tmp_path / "in", exist_ok=True)
                Image.new("RGB", (40, 32), (sum(name.encode()), 0, 0)).save(files[-1])
        return run(CONFIG, files, str(tmp_path / "out"), ["MODEL.WEIGHTS", str(tmp_path / "w.pth")], **options)

    return call


def table(folder):
    with open(folder / "results.csv", encoding="utf-8", newline="") as file:
        return {os.path.basename(row["file"]): row for row in csv.DictReader(file)}


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def breaking_after(monkeypatch, writes, number):
    """From the given write on, the disk is full or read-only."""
    real, count = locks.temporary_file, itertools.count()

    def temporary_file(folder):
        if next(count) >= writes:
            raise OSError(number, os.strerror(number))
        return real(folder)

    monkeypatch.setattr(locks, "temporary_file", temporary_file)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("writes", [0, 1, 3, 5, 6, 8, 9])
def test_a_rerun_that_cannot_write_leaves_whole_results(detect, tmp_path, monkeypatch, capsys, writes, number):
    out = tmp_path / "out"
    detect("a.png", "b.png", float_maps=True)
    before = content(out)
    capsys.readouterr()
    monkeypatch.setattr(Quick, "score", 0.75)
    breaking_after(monkeypatch, writes, number)
    with pytest.raises(OutputError, match=f"{out}.*: cannot be written: {os.strerror(number).lower()}") as caught:
        detect("a.png", "b.png", float_maps=True)
    assert ".unfinished" not in str(caught.value)
    assert "skipped:" not in capsys.readouterr().out  # no fault of the input
    after = content(out)
    assert after.keys() == before.keys()
    for name in "ab":
        score = json.loads(after[f"{name}.json"])["score"]
        assert score in (0.25, 0.75) and set(np.load(out / f"{name}_map.npy").flat) == {score}
    assert len(table(out)) == 2


def test_results_come_whole_or_not_at_all(detect, tmp_path, monkeypatch):
    breaking_after(monkeypatch, 4, errno.ENOSPC)  # the config, and some of the image's files
    with pytest.raises(OutputError):
        detect("a.png")
    kept, listed = sorted(content(tmp_path / "out"))
    assert kept.startswith("config-") and listed == "results.csv"
    assert table(tmp_path / "out") == {}


@pytest.mark.parametrize("name", ["a.json", "a_map.png", "thumbnails/a.jpg", "results.csv", "results.html"])
def test_an_output_name_that_is_a_folder(detect, tmp_path, name):
    out = tmp_path / "out"
    (out / name / "mine").mkdir(parents=True)
    with pytest.raises(OutputError, match=f"{out / name}: cannot be written: is a directory"):
        detect("a.png", "b.png")
    assert not [path for path in content(out) if path.startswith("a") or "/a" in path] or "results" in name
    assert (out / name / "mine").is_dir() and not (out / ".unfinished").exists()


def test_other_inputs_are_added_and_nothing_is_dropped_in_silence(detect, tmp_path, capsys):
    out = tmp_path / "out"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "=broken.png").write_bytes(b"no image")
    assert detect("a.png", "=broken.png", "gone.png") == 1
    os.unlink(out / "gone.json")
    capsys.readouterr()
    assert detect("b.png") == 0
    said = capsys.readouterr().out
    assert "1 images examined, 0 skipped, 1 of earlier runs" in said and "broken" not in said
    rows = table(out)
    assert sorted(rows) == ["=broken.png", "a.png", "b.png", "gone.png"]
    assert "gone.json is gone or damaged" in rows["gone.png"]["reason"] and "score 0.25" in rows["gone.png"]["reason"]
    page = (out / "results.html").read_text(encoding="utf-8")
    assert page.count("<article") == 2 and "gone.json is gone or damaged" in page and "=broken.png" in page
    for _ in range(2):  # nor later, and what is judged at last is no longer skipped
        Image.new("RGB", (40, 32)).save(tmp_path / "in" / "=broken.png")
        detect("=broken.png")
        rows = table(out)
        assert len(rows) == 4 and rows["=broken.png"]["status"] != "skipped"


def test_a_page_whose_result_is_gone_stays_listed(detect, tmp_path):
    with Image.new("RGB", (40, 32)) as image:
        (tmp_path / "in").mkdir()
        image.save(tmp_path / "in" / "a.tif", save_all=True, append_images=[Image.new("RGB", (40, 32), "red")])
    detect("a.tif", pages="all")
    first, second = sorted((tmp_path / "out").glob("a*.json"))
    os.unlink(second)
    for _ in range(2):
        detect("b.png")
        with open(tmp_path / "out" / "results.csv", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["file"].endswith("a.tif")]
        assert [row["name"] for row in rows] == [first.stem, second.stem]
        assert rows[1]["reason"].endswith(f"{second.name} is gone or damaged")


def test_scores_of_other_weights_are_told_apart(detect, tmp_path):
    detect("a.png")
    (tmp_path / "w.pth").write_bytes(b"other weights")
    detect("b.png")
    rows = table(tmp_path / "out")
    assert rows["a.png"]["weights_sha256"] != rows["b.png"]["weights_sha256"]
    page = (tmp_path / "out" / "results.html").read_text(encoding="utf-8")
    assert page.count("by an earlier run with other weights") == 1
    assert "Weights and config, 1 result of an earlier run" in page and rows["a.png"]["weights_sha256"] in page


def test_a_file_that_is_judged_under_another_name_is_listed_once(detect, tmp_path):
    detect("a.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "in" / "a.jpg")  # two of one stem
    detect("a.png", "a.jpg")
    with open(tmp_path / "out" / "results.csv", encoding="utf-8", newline="") as file:
        assert sorted(os.path.basename(row["file"]) for row in csv.DictReader(file)) == ["a.jpg", "a.png"]


def test_a_table_of_somebody_else_is_not_replaced(detect, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("team,goals\nwe,3\n")
    with pytest.raises(UserError, match="results.csv: is no table of this command; move it"):
        detect("a.png")
    assert (tmp_path / "out" / "results.csv").read_text() == "team,goals\nwe,3\n"


def test_a_disk_that_is_full_at_the_first_row(detect, tmp_path, monkeypatch):
    def full(file, path, data):
        raise output_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    monkeypatch.setattr(results_table, "append", full)
    with pytest.raises(OutputError, match="results.csv: cannot be written: no space left on device; make room"):
        detect("a.png")
    monkeypatch.undo()
    monkeypatch.setattr(predictor, "ManipulationPredictor", Quick)
    assert detect("a.png") == 0 and len(table(tmp_path / "out")) == 1


@pytest.mark.skipif(not locks.AVAILABLE, reason="no locks on Windows")
def test_two_runs_into_one_folder(detect, tmp_path):
    detect("a.png")
    before = content(tmp_path / "out")
    other = claimed_elsewhere(tmp_path / "out")
    with pytest.raises(UserError, match="--output .*: another run is writing there .*; wait for it, or name another"):
        detect("b.png")
    assert {name: data for name, data in content(tmp_path / "out").items() if name != ".lock"} == before
    other.kill()
    assert detect("b.png") == 0 and len(table(tmp_path / "out")) == 2
