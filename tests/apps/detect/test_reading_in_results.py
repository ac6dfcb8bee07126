"""JSON, CSV and page say how each file was read, which page of it this is, and what in a folder is no image."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.apps.detect.command import main
from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.images.reading import load_image
from constrained_rcnn.inference import predictor
from constrained_rcnn.inference.result import ManipulationResult
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.closed_folder import close_folder
from tests.helpers.detect_files import table
from tests.helpers.tiny import TINY, tiny_model

CONFIG = config_file("constrained_rcnn_small.yaml")


class Quick:
    """A predictor without a network; the score is how light the image is."""

    def __init__(self, cfg):
        self.cfg = cfg

    def __call__(self, content, page=None, progress=None):
        image, reading = load_image(content, page=page)
        score = float(image.mean()) / 255
        made = np.full(image.shape[:2], score, np.float32)
        return ManipulationResult(score > 0.5, score, 0.5, (), made, image, reading=reading)


@pytest.fixture
def quick(tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "ManipulationPredictor", Quick)
    (tmp_path / "w.pth").write_bytes(b"weights")
    return ["MODEL.WEIGHTS", str(tmp_path / "w.pth")]


def save(path, *values, kind="PNG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = [Image.fromarray(np.full((40, 50, 3), value, np.uint8)) for value in values]
    buffer = io.BytesIO()
    first.save(buffer, kind, **({"save_all": True, "append_images": others} if others else {}), **options)
    path.write_bytes(buffer.getvalue())
    return path


def test_pages_are_told_and_each_is_detected_when_asked(quick, tmp_path):
    save(tmp_path / "in" / "scan.tif", 200, 10, 100, kind="TIFF")
    save(tmp_path / "in" / "plain.png", 50)
    out = tmp_path / "out"
    assert run(CONFIG, [str(tmp_path / "in")], str(out), quick) == 0
    told = json.loads((out / "scan.json").read_text())["reading"]
    assert told == {"format": "TIFF", "page": 1, "pages": 3, "changes": {"page": "page 1 of 3"}}
    assert [row["reading"] for row in table(out / "results.csv")] == ["page 1 of 3", ""]
    assert (out / "results.html").read_text(encoding="utf-8").count("Read: page 1 of 3") == 1

    for resume in (False, True):
        assert run(CONFIG, [str(tmp_path / "in")], str(out), quick, pages="all", resume=resume) == 0
        rows = table(out / "results.csv")
        assert [(row["name"], row["reading"]) for row in rows] == [
            ("scan_page1", "page 1 of 3"), ("scan_page3", "page 3 of 3"), ("plain", ""), ("scan_page2", "page 2 of 3"),
        ]  # fmt: skip
        assert {row["file"] for row in rows} == {str(tmp_path / "in" / name) for name in ("scan.tif", "plain.png")}
    assert json.loads((out / "scan_page2.json").read_text())["reading"]["page"] == 2
    before = (out / "scan_page2.json").stat().st_mtime_ns
    run(CONFIG, [str(tmp_path / "in" / "plain.png")], str(out), quick, resume=True)
    assert {"scan_page2", "scan_page3", "plain"} < {row["name"] for row in table(out / "results.csv")}
    assert (out / "scan_page2.json").stat().st_mtime_ns == before


def test_a_page_that_cannot_be_read_is_skipped_alone(quick, tmp_path, capsys):
    path = save(tmp_path / "in" / "scan.tif", 200, 10, kind="TIFF", compression="tiff_adobe_deflate")
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(1)
        start = image.tag_v2[273][0]
    data[start : start + 12] = b"\xff" * 12
    path.write_bytes(data)
    assert run(CONFIG, [str(path)], str(tmp_path / "out"), quick, pages="all") == 1
    assert f"skipped: {path}, page 2: damaged or truncated" in capsys.readouterr().out
    assert [row["status"] for row in table(tmp_path / "out" / "results.csv")] == ["manipulated", "skipped"]


def test_what_a_folder_holds_besides_images_is_listed(quick, tmp_path, capsys, monkeypatch):
    save(tmp_path / "in" / "IMG_1", 200, kind="JPEG", quality=95)
    for name in ("a.txt", "b.txt", ".DS_Store", "Thumbs.db"):
        (tmp_path / "in" / name).write_bytes(b"something else")
    out = tmp_path / "out"
    for _ in range(2):  # what an earlier run has left out is listed anew, not again
        assert run(CONFIG, [str(tmp_path / "in")], str(out), quick) == 0
    said = capsys.readouterr().out
    assert "left out: 2 files, not an image: a.txt, b.txt" in said
    assert "left out: 2 hidden or system files: .DS_Store, Thumbs.db" in said
    assert [row["status"] for row in table(out / "results.csv")] == ["manipulated", "left out", "left out", "left out"]
    page = (out / "results.html").read_text(encoding="utf-8")
    assert "a.txt" in page and "2 hidden or system files" in page

    close_folder(monkeypatch, tmp_path / "in" / "closed")
    assert run(CONFIG, [str(tmp_path / "in")], str(out), quick) == 1
    assert f"skipped: {tmp_path / 'in' / 'closed'}: the folder cannot be listed" in capsys.readouterr().out


def test_where_nothing_is_an_image_the_error_says_what_there_was(quick, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes(b"text")
    with pytest.raises(UserError, match=r"no image found there \(.*in: no image in it; 1 more\)"):
        run(CONFIG, [str(tmp_path / "in")], str(tmp_path / "out"), quick)


def test_empty_arguments_are_errors(capsys):
    for arguments in (["--input", "", "--output", "x"], ["--input", "x", "--output", ""],
                      ["--input", "x", "--output", "y", "--config-file", ""]):  # fmt: skip
        assert main(arguments) == 2 and "is empty" in capsys.readouterr().err


def test_the_predictor_takes_a_page_and_passes_the_reading_on(tmp_path):
    metadata = {"classes": ["splice", "copy-move", "removal"]}
    ManipulationCheckpointer(tiny_model(), str(tmp_path), metadata=metadata).save("model")
    file = save(tmp_path / "scan.tif", 200, 10, kind="TIFF")
    options = [*TINY, "MODEL.WEIGHTS", str(tmp_path / "model.pth")]
    assert run(CONFIG, [str(file)], str(tmp_path / "out"), options, pages="all") == 0
    told = [json.loads((tmp_path / "out" / f"scan_page{page}.json").read_text())["reading"] for page in (1, 2)]
    assert [one["changes"]["page"] for one in told] == ["page 1 of 2", "page 2 of 2"]
