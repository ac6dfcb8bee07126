"""What a run writes and shows of copy-moves."""

import json

import cv2
import pytest
from PIL import Image

from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.inference import predictor
from constrained_rcnn.model_zoo import config_file, default_config_file
from tests.helpers.copied import forged, photo
from tests.helpers.detect_files import CopyMarker

CONFIG = config_file("constrained_rcnn_small.yaml")


@pytest.fixture(scope="module")
def case():
    """(image, mask of the copy)."""
    return forged(photo())


def centre(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setattr(predictor, "ManipulationPredictor", CopyMarker)
    monkeypatch.setattr(CopyMarker, "seen", [])
    (tmp_path / "w.pth").write_bytes(b"weights")
    return ["MODEL.WEIGHTS", str(tmp_path / "w.pth")]


def test_a_run_writes_and_shows_copy_moves(case, options, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(case[0][:, :, ::-1]).save(folder / "copied.png")
    Image.fromarray(photo()[:, :, ::-1]).save(folder / "plain.png")
    assert run(CONFIG, [str(folder)], str(out), options) == 0
    copied, plain = (json.loads((out / f"{name}.json").read_text()) for name in ("copied", "plain"))
    assert plain["repeats"] == [] and not (out / "plain_repeats.jpg").exists()
    (pair,) = copied["repeats"]
    x, y = centre(pair[f"{pair['likelier_copy']}_box"])
    assert case[1][round(y), round(x)]
    assert cv2.imread(str(out / "copied_repeats.jpg")).shape == case[0].shape
    page = (out / "results.html").read_text(encoding="utf-8")
    assert page.count("copied_repeats.jpg") == 3 and "plain_repeats.jpg" not in page  # shown, and two links
    assert "</strong>: 100% alike at " in page
    assert "duplicated regions in 1." in page and "<strong>1 pair of duplicated regions</strong>" in page
    head, *rows = (out / "results.csv").read_text(encoding="utf-8").splitlines()
    column = head.split(",").index('"repeats"')
    assert sorted(row.split(",")[column] for row in rows) == ["0", "1"]

    (out / "copied_repeats.jpg").unlink()  # not whole any more
    assert run(CONFIG, [str(folder)], str(out), options, resume=True) == 0
    assert (out / "copied_repeats.jpg").is_file()
    Image.fromarray(photo()[:, :, ::-1]).save(folder / "copied.png")  # another image under the same name
    assert run(CONFIG, [str(folder)], str(out), options) == 0
    assert not (out / "copied_repeats.jpg").exists()


def test_a_run_that_does_not_look_says_nothing(case, options, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(case[0][:, :, ::-1]).save(folder / "copied.png")
    for _ in range(2):
        assert run(CONFIG, [str(folder)], str(out), options, copy_move=False, resume=True) == 0
        assert json.loads((out / "copied.json").read_text())["repeats"] is None
        assert not (out / "copied_repeats.jpg").exists()
        assert "; duplicated regions in" not in (out / "results.html").read_text(encoding="utf-8")
        head, row = (out / "results.csv").read_text(encoding="utf-8").splitlines()
        assert row.split(",")[head.split(",").index('"repeats"')] == '""'
    assert run(CONFIG, [str(folder)], str(out), options, resume=True) == 0  # that is not a whole result now
    assert len(json.loads((out / "copied.json").read_text())["repeats"]) == 1
    assert run(CONFIG, [str(folder)], str(out), options, copy_move=False, resume=True) == 0
    assert len(json.loads((out / "copied.json").read_text())["repeats"]) == 1  # more than was asked for


def test_results_from_before_repeats_were_looked_for(options, tmp_path):
    """They are made again for the same file, and never replaced by those of another of the same name."""
    out = tmp_path / "out"
    for number, folder in enumerate((tmp_path / "a", tmp_path / "b")):
        folder.mkdir()
        Image.fromarray(photo()[:, number:, ::-1]).save(folder / "plain.png")
    run(CONFIG, [str(tmp_path / "a")], str(out), options)
    record = json.loads((out / "plain.json").read_text())
    del record["repeats"]
    (out / "plain.json").write_text(json.dumps(record))
    run(CONFIG, [str(tmp_path / "b")], str(out), options)
    assert json.loads((out / "plain.json").read_text()) == record and len(list(out.glob("plain-*.json"))) == 1
    assert run(CONFIG, [str(tmp_path / "a")], str(out), options, resume=True) == 0
    assert json.loads((out / "plain.json").read_text())["repeats"] == []


def test_not_to_look_is_another_config_where_repeats_raise_the_map(options, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(photo()[:, :, ::-1]).save(tmp_path / "in" / "plain.png")
    config = default_config_file()
    for repeats, files in ((True, 1), (False, 2)):
        run(config, [str(tmp_path / "in")], str(tmp_path / "out"), options, copy_move=repeats, resume=True)
        assert len(list((tmp_path / "out").glob("config-*.yaml"))) == files
        record = json.loads((tmp_path / "out" / "plain.json").read_text())
        assert (record["repeats"] is not None) == repeats
