"""The detect command: what it writes, what it survives, and that names do no harm."""

import errno
import hashlib
import io
import json
import os
import re
import sys

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from constrained_rcnn.apps.detect import result_files
from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.config import load_config
from constrained_rcnn.config_text import config_sha256
from constrained_rcnn.inference import predictor
from constrained_rcnn.inference.result import ManipulationResult
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.visualization.overlay import thumbnail, thumbnail_size
from tests.helpers.detect_files import save, table

CONFIG = config_file("constrained_rcnn_small.yaml")


def test_writes_results_and_goes_on_after_a_bad_file(options, tmp_path, capsys):
    save(tmp_path / "one" / "same.png", seed=1)
    save(tmp_path / "two" / "same.png", seed=2)
    save(tmp_path / "one" / "alone.jpg", 50, 40)
    (tmp_path / "one" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    out = tmp_path / "out"
    inputs = [str(tmp_path / "one"), str(tmp_path / "two" / "*.png"), str(tmp_path / "missing.png")]
    assert run(CONFIG, inputs, str(out), options, float_maps=True) == 1
    said = capsys.readouterr().out
    assert "broken.jpg: not an image" in said or "broken.jpg: damaged" in said
    assert "missing.png" in said and "3 images examined, 2 skipped" in said
    assert len(list(out.glob("same-*.json"))) == 2
    told = json.loads((out / "alone.json").read_text())
    assert told["file"].endswith("alone.jpg") and len(told["config_sha256"]) == 64
    assert told["sha256"] == hashlib.sha256((tmp_path / "one" / "alone.jpg").read_bytes()).hexdigest()
    assert len(told["weights"]["sha256"]) == 64
    kept = out / f"config-{told['config_sha256'][:12]}.yaml"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == told["config_sha256"]
    assert config_sha256(load_config(str(kept), options[-2:])) == told["config_sha256"]  # the result can be repeated
    assert {"torch", "detectron2", "PIL", "python"} <= told["versions"].keys() and told["time"].endswith("+00:00")
    saved, exact = np.array(Image.open(out / "alone_map.png")), np.load(out / "alone_map.npy")
    assert saved.shape == (50, 40) and saved.dtype in (np.uint16, np.int32)
    assert exact.dtype == np.float32 and np.abs(saved / 65535 - exact).max() < 1e-5
    assert abs(exact.max() - told["score"]) < 1e-6
    shown = cv2.imread(str(out / "alone_overlay.jpg"))
    assert shown.shape[1] == 40 and shown.shape[0] >= 50
    rows = table(out / "results.csv")
    assert [row["status"] for row in rows[3:]] == ["skipped"] * 2 and all(row["reason"] for row in rows[3:])
    scores = [float(row["score"]) for row in rows[:3]]
    assert scores == sorted(scores, reverse=True)
    page = (out / "results.html").read_text(encoding="utf-8")
    assert page.count("<article") == 3 and told["sha256"] in page and told["weights"]["sha256"] in page
    assert "not proof" in page and "broken.jpg" in page
    for row in rows[:3]:
        assert (out / "thumbnails" / f"{row['name']}.jpg").is_file()


def _results(folder):
    """Every file's content, without times."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.suffix in (".json", ".csv", ".html"):
            time = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^\"<, ]*"
            data = re.sub(time + rb"( to " + time + rb")?", b"", data)  # the page tells one time where all are the same
        found[path.relative_to(folder).as_posix()] = data
    return found


@pytest.fixture
def one_thread():
    """Sums over other numbers of threads may be others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_workers_make_the_same_results(options, tmp_path, capsys, one_thread):
    for seed, name in enumerate("abc"):
        save(tmp_path / "in" / f"{name}.png", seed=seed)
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    for jobs in (1, 2):
        assert run(CONFIG, [str(tmp_path / "in")], str(tmp_path / f"out{jobs}"), options, jobs=jobs) == 1
    one, two = (_results(tmp_path / f"out{jobs}") for jobs in (1, 2))
    assert one.keys() == two.keys() and "c_overlay.jpg" in one
    assert [name for name in one if one[name] != two[name]] == []
    assert "2 worker processes, 1 thread each" in capsys.readouterr().err
    with pytest.raises(UserError, match="MODEL.WEIGHTS"):
        run(CONFIG, [str(tmp_path / "in")], str(tmp_path / "out3"), [*options, "MODEL.WEIGHTS", ""], jobs=2)


def test_nothing_to_judge_is_an_error(options, tmp_path):
    with pytest.raises(UserError, match="no image found"):
        run(CONFIG, [str(tmp_path)], str(tmp_path / "out"), options)


def test_resume_judges_only_what_changed(options, tmp_path, monkeypatch):
    first, second = save(tmp_path / "in" / "a.png", seed=1), save(tmp_path / "in" / "b.png", seed=2)
    out = str(tmp_path / "out")
    judged = []
    plain = predictor.ManipulationPredictor.__call__
    monkeypatch.setattr(
        predictor.ManipulationPredictor,
        "__call__",
        lambda self, data, **options: judged.append(len(data)) or plain(self, data, **options),
    )
    assert run(CONFIG, [first, second], out, options) == 0 and len(judged) == 2
    before = (tmp_path / "out" / "a.json").read_bytes()
    assert run(CONFIG, [first, second], out, options, resume=True) == 0 and len(judged) == 2
    assert (tmp_path / "out" / "a.json").read_bytes() == before
    assert len(table(tmp_path / "out" / "results.csv")) == 2
    save(tmp_path / "in" / "b.png", seed=3)  # other bytes under the same name
    run(CONFIG, [first, second], out, options, resume=True)
    assert len(judged) == 3
    run(CONFIG, [first, second], out, [*options, "TEST.DETECTIONS_PER_IMAGE", "3"], resume=True)
    assert len(judged) == 5  # another config
    (tmp_path / "out" / "a.json").write_text("{")
    (tmp_path / "out" / "b_map.png").unlink()
    run(CONFIG, [first, second], out, [*options, "TEST.DETECTIONS_PER_IMAGE", "3"], resume=True)
    assert len(judged) == 7
    run(CONFIG, [first, second], out, options)
    assert len(judged) == 9  # without --resume everything is judged


def blank(height, width, score=0.3):
    made = np.full((height, width), score, np.float32)
    return ManipulationResult(False, score, 0.5, (), made, np.zeros((height, width, 3), np.uint8))


class Quick:
    """A predictor without a network: what the tool does with files is the same."""

    def __init__(self, cfg):
        self.cfg = cfg

    def __call__(self, data, **options):
        with Image.open(io.BytesIO(data)) as image:
            return blank(image.height, image.width)


@pytest.fixture
def quick(tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "ManipulationPredictor", Quick)
    (tmp_path / "w.pth").write_bytes(b"weights")
    return ["MODEL.WEIGHTS", str(tmp_path / "w.pth")]


def test_results_never_replace_inputs(quick, tmp_path):
    first, second = save(tmp_path / "in" / "a.png"), save(tmp_path / "in" / "a_map.png", seed=1)
    before = open(second, "rb").read()
    for inputs in ([str(tmp_path / "in")], [first]):
        with pytest.raises(UserError, match="holds an input.* name another folder"):
            run(CONFIG, inputs, str(tmp_path / "in"), quick)
    assert open(second, "rb").read() == before and sorted(os.listdir(tmp_path / "in")) == ["a.png", "a_map.png"]
    for _ in range(2):  # results inside of the searched folder are not searched
        assert run(CONFIG, [str(tmp_path / "in")], str(tmp_path / "in" / "out"), quick) == 0
        assert len(table(tmp_path / "in" / "out" / "results.csv")) == 2


def test_a_later_run_keeps_the_results_of_other_files(quick, tmp_path):
    one, two = save(tmp_path / "monday" / "fig.png", seed=1), save(tmp_path / "tuesday" / "fig.png", seed=2)
    out = tmp_path / "out"
    run(CONFIG, [one], str(out), quick)
    before = (out / "fig.json").read_bytes()
    run(CONFIG, [two], str(out), quick)
    (row,) = [row for row in table(out / "results.csv") if row["file"] == two]
    assert (out / "fig.json").read_bytes() == before and row["name"].startswith("fig-")
    assert len(table(out / "results.csv")) == 2
    assert json.loads((out / f"{row['name']}.json").read_text())["file"] == two
    made = {path.name: path.stat().st_mtime_ns for path in out.glob("*.json")}
    for file in (one, two):
        run(CONFIG, [file], str(out), quick, resume=True)
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.json")} == made


def test_resume_trusts_no_damaged_record_and_no_name_of_weights(quick, tmp_path):
    file, out = save(tmp_path / "in" / "a.png"), tmp_path / "out"
    run(CONFIG, [file], str(out), quick)
    whole = json.loads((out / "a.json").read_text())
    for key, value in (("views", None), ("score", "NaN"), ("versions", 3), ("weights", "w.pth"), ("detections", [1])):
        (out / "a.json").write_text(json.dumps({**whole, key: value}))
        assert run(CONFIG, [file], str(out), quick, resume=True) == 0
        assert json.loads((out / "a.json").read_text())[key] == whole[key]
    (out / "thumbnails" / "a.jpg").unlink()
    run(CONFIG, [file], str(out), quick, resume=True)
    assert (out / "thumbnails" / "a.jpg").is_file()
    (out / "a.json").write_text(json.dumps({**whole, "time": "long ago", "versions": {"torch": "0.<1>"}}))
    os.rename(tmp_path / "w.pth", tmp_path / "renamed.pth")  # the same weights
    run(CONFIG, [file], str(out), ["MODEL.WEIGHTS", str(tmp_path / "renamed.pth")], resume=True)
    assert json.loads((out / "a.json").read_text())["time"] == "long ago"
    page = (out / "results.html").read_text(encoding="utf-8")
    assert "1 result of an earlier run" in page and "torch 0.&lt;1&gt;" in page


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_an_output_that_is_no_folder_is_an_error(quick, tmp_path, where):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="--output .*; name another folder"):
        run(CONFIG, [save(tmp_path / "in" / "a.png")], str(tmp_path / where), quick)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_ends_the_run_and_is_no_fault_of_the_file(quick, tmp_path, monkeypatch):
    files = [save(tmp_path / "in" / f"{name}.png") for name in "abc"]
    plain = result_files.write_png_atomic

    def full(path, array):
        if path.name == "b_map.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        plain(path, array)

    monkeypatch.setattr(result_files, "write_png_atomic", full)
    with pytest.raises(UserError, match="no space left.* --resume"):
        run(CONFIG, files, str(tmp_path / "out"), quick)
    assert [row["name"] for row in table(tmp_path / "out" / "results.csv")] == ["a"]


@pytest.mark.parametrize(("height", "width"), [(16, 9000), (9000, 16), (16, 16), (300, 400)])
def test_thumbnails_of_any_shape_are_small(height, width):
    made = thumbnail(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32))
    wide, high = thumbnail_size(width, height)
    assert made.shape == (high, 2 * wide + 4, 3) and 1 <= wide <= 300 and 1 <= high <= 150


HOSTILE = [
    "<img src=x onerror=alert(1)>.png", "a\nb.png", "=1+1.png", "-..\\..-.png", "\u202egnp.exe.png",
    "a\"onerror='x'.png", "x" * 240 + ".png",
]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="names that this system does not allow")
def test_hostile_names_do_no_harm(options, tmp_path):
    for seed, name in enumerate(HOSTILE):
        save(tmp_path / "in" / f"{seed}" / "plain.png", seed=seed)
        os.rename(tmp_path / "in" / f"{seed}" / "plain.png", tmp_path / "in" / f"{seed}" / name)
    raw = os.path.join(os.fsencode(tmp_path / "in"), b"\xff\xfe.png")
    with open(raw, "wb") as file, io.BytesIO() as buffer:
        Image.new("RGB", (40, 40)).save(buffer, "PNG")
        file.write(buffer.getvalue())
    out = tmp_path / "results" / "out"
    run(CONFIG, [str(tmp_path / "in")], str(out), options)
    assert sorted(os.listdir(tmp_path)) == ["in", "results"] and os.listdir(tmp_path / "results") == ["out"]
    rows = table(out / "results.csv")
    assert len(rows) == len(HOSTILE) + 1 and not any(row["reason"] for row in rows)
    assert not any(cell[:1] in tuple("=+-@") for row in rows for cell in row.values() if cell)
    page = (out / "results.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page and "onerror='" not in page and "\u202e" not in page and "a\\nb.png" in page
    assert "default-src 'none'" in page.partition("<body>")[0]
    for row in rows:
        assert json.loads((out / f"{row['name']}.json").read_bytes().decode("utf-8"))["name"] == row["name"]
