"""What a person sees of repeated regions: the copy told from its original, the drawing, the files of a run."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.apps.detect import run as demo
from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.inference.result import Detection, ManipulationResult
from constrained_rcnn.matching.copy_move import LEAST_SIMILARITY, LEAST_SIMILARITY_DOUBTFUL, find_repeats
from constrained_rcnn.matching.suspects import COPY, EITHER, JudgedRepeat, judge_repeats, raise_map
from constrained_rcnn.model_zoo import config_file, default_config_file
from constrained_rcnn.visualization.copy_move import draw_repeats
from tests.helpers.copied import FROM, SIDE, forged, photo

CONFIG = config_file("constrained_rcnn_small.yaml")


@pytest.fixture(scope="module")
def case():
    """(image, mask of the copy, findings)."""
    image, mask = forged(photo())
    return image, mask, find_repeats(image)


def centre(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def judged_by(repeats, *means):
    return tuple(JudgedRepeat(repeat, both) for repeat, both in zip(repeats, means))


@pytest.mark.parametrize("which", ["copy", "original"])
def test_the_region_that_the_map_marks_is_the_likelier_copy(case, which):
    image, mask, _ = case
    marked = np.zeros(mask.shape, np.float32)
    marked[FROM[1] : FROM[1] + SIDE, FROM[0] : FROM[0] + SIDE] = which == "original"
    marked[mask] = which == "copy"
    (judged,) = judge_repeats(image, marked)
    told = json.loads(json.dumps(judged.to_json()))
    x, y = centre(told[f"{told['likelier_copy']}_box"])
    assert marked[round(y), round(x)] == 1
    assert max(told["map_means"]) > 0.9 and min(told["map_means"]) < 0.1


def test_a_map_that_is_alike_in_both_tells_nothing(case):
    image, mask, repeats = case
    for value in (0.0, 0.7):
        (judged,) = judge_repeats(image, np.full(mask.shape, value, np.float32))
        assert judged.map_means == pytest.approx((value, value), abs=1e-6)
        assert judged.to_json()["likelier_copy"] is None and judged.suspects == ("first", "second")
    for means, copy in (((0.5, 0.26), None), ((0.5, 0.24), "first"), ((0.24, 0.5), "second")):
        assert JudgedRepeat(repeats[0], means).likelier_copy == copy
    assert judge_repeats(photo(), np.zeros((400, 600), np.float32)) == ()


def test_a_doubtful_pair_counts_where_the_map_tells_the_copy():
    """The copy carries other noise than its source: too little alike to be told without the map."""
    image, mask = forged(cv2.GaussianBlur(photo(), (0, 0), 1))
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    assert find_repeats(noisy) == ()
    (pair,) = find_repeats(noisy, doubtful=True)
    assert pair.doubtful and LEAST_SIMILARITY_DOUBTFUL <= pair.similarity < LEAST_SIMILARITY
    assert judge_repeats(noisy, np.zeros(mask.shape, np.float32)) == ()
    (judged,) = judge_repeats(noisy, mask.astype(np.float32))
    assert judged.likelier_copy is not None


def test_means_of_a_picture_that_is_reduced(case):
    image, mask, _ = case
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    marked = cv2.resize(mask.astype(np.float32), large.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    judged = judge_repeats(large, 0.5 * marked)
    x, y = centre(getattr(judged[0].repeat, f"{judged[0].likelier_copy}_box"))
    assert marked[round(y), round(x)] == 1
    raised = 0.5 * marked
    raise_map(raised, judged)
    assert raised.max() == COPY and (raised[marked > 0] == COPY).mean() > 0.6
    assert (raised[marked == 0] > 0).mean() < 0.01


def test_the_map_is_raised_on_the_copy_or_on_both_and_never_lowered(case):
    _, mask, repeats = case
    first, second = repeats[0].first, repeats[0].second
    before = np.random.default_rng(0).random(mask.shape, np.float32)
    for means, regions, value in (
        ((0.9, 0.1), first, COPY),
        ((0.1, 0.9), second, COPY),
        ((0.3, 0.3), first | second, EITHER),
    ):
        made = before.copy()
        raise_map(made, judged_by(repeats, means))
        assert made.dtype == np.float32 and np.array_equal(made[~regions], before[~regions])
        assert np.array_equal(made[regions], np.maximum(before[regions], np.float32(value)))
    raise_map(made, ())


def test_a_raised_region_is_a_detection(case):
    image, _, repeats = case
    (judged,) = judged_by(repeats, (0.1, 0.9))
    found = Detection.of_repeat(judged, "second", image.shape[:2])
    assert (found.technique, found.score, found.found_by) == ("copy-move", COPY, "repeats")
    assert found.box == repeats[0].second_box
    assert (found.mask & repeats[0].second).sum() / (found.mask | repeats[0].second).sum() > 0.9
    result = ManipulationResult(True, COPY, 0.5, (found,), np.zeros(image.shape[:2], np.float32), image)
    assert result.techniques == ("copy-move",) and result.to_json()["detections"][0]["found_by"] == "repeats"


def test_the_drawing_colours_the_regions_and_nothing_else(case):
    image, _, repeats = case
    drawn = draw_repeats(image, judged_by(repeats, (0.0, 0.0)))
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    coloured = np.ptp(drawn.astype(int), axis=2) > 20
    regions = repeats[0].first | repeats[0].second
    assert coloured[regions].mean() > 0.95
    near = cv2.dilate(regions.astype(np.uint8), np.ones((5, 5))) > 0
    assert coloured[~near].mean() < 0.02  # the line between them
    assert np.array_equal(draw_repeats(image, ())[:, :, 0], cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def test_the_arrow_leads_to_the_copy(case):
    """Its head adds pixels to the plain line around the end where it points, and nowhere else."""
    image, _, repeats = case
    plain = draw_repeats(image, judged_by(repeats, (0.5, 0.5)))
    for means, name in (((0.9, 0.1), "first"), ((0.1, 0.9), "second")):
        rows, columns = np.nonzero((draw_repeats(image, judged_by(repeats, means)) != plain).any(axis=2))
        region = getattr(repeats[0], name)
        ys, xs = np.nonzero(region)
        assert len(rows) > 10
        # A line drawn from its other end differs in a pixel or two.
        assert (np.hypot(rows - ys.mean(), columns - xs.mean()) < 25).mean() > 0.95


def test_a_result_looks_when_it_is_asked(case):
    image, mask, repeats = case
    result = ManipulationResult(True, 0.8, 0.5, (), 0.8 * mask.astype(np.float32), image)
    (judged,) = result.repeats
    assert result.repeats is result.repeats
    x, y = centre(getattr(judged.repeat, f"{judged.likelier_copy}_box"))
    assert mask[round(y), round(x)]
    raised = judged_by(repeats, (0.5, 0.5))
    result = ManipulationResult(True, 0.8, 0.5, (), np.zeros(mask.shape, np.float32), image, raised_by=raised)
    assert result.repeats is raised


class Network:
    """A predictor that marks the copy, without a network."""

    def __init__(self, cfg):
        self.cfg = cfg

    def __call__(self, data):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        made = np.zeros(image.shape[:2], np.float32)
        made[220:350, 60:190] = 0.8
        return ManipulationResult(True, 0.8, 0.5, (), made, image)


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "ManipulationPredictor", Network)
    (tmp_path / "w.pth").write_bytes(b"weights")
    return ["MODEL.WEIGHTS", str(tmp_path / "w.pth")]


def test_a_run_writes_and_shows_what_occurs_twice(case, options, tmp_path):
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
    assert "something occurs twice in 1." in page and "<strong>1 pair of regions alike</strong>" in page
    head, *rows = (out / "results.csv").read_text(encoding="utf-8").splitlines()
    column = head.split(",").index('"repeats"')
    assert sorted(row.split(",")[column] for row in rows) == ["0", "1"]

    (out / "copied_repeats.jpg").unlink()  # not whole any more
    assert run(CONFIG, [str(folder)], str(out), options, resume=True) == 0
    assert (out / "copied_repeats.jpg").is_file()
    Image.fromarray(photo()[:, :, ::-1]).save(folder / "copied.png")  # another picture under the same name
    assert run(CONFIG, [str(folder)], str(out), options) == 0
    assert not (out / "copied_repeats.jpg").exists()


def test_a_run_that_does_not_look_says_nothing(case, options, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(case[0][:, :, ::-1]).save(folder / "copied.png")
    for _ in range(2):
        assert run(CONFIG, [str(folder)], str(out), options, repeats=False, resume=True) == 0
        assert json.loads((out / "copied.json").read_text())["repeats"] is None
        assert not (out / "copied_repeats.jpg").exists()
        assert "occurs twice in" not in (out / "results.html").read_text(encoding="utf-8")
        head, row = (out / "results.csv").read_text(encoding="utf-8").splitlines()
        assert row.split(",")[head.split(",").index('"repeats"')] == '""'
    assert run(CONFIG, [str(folder)], str(out), options, resume=True) == 0  # that is not a whole result now
    assert len(json.loads((out / "copied.json").read_text())["repeats"]) == 1
    assert run(CONFIG, [str(folder)], str(out), options, repeats=False, resume=True) == 0
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
        run(config, [str(tmp_path / "in")], str(tmp_path / "out"), options, repeats=repeats, resume=True)
        assert len(list((tmp_path / "out").glob("config-*.yaml"))) == files
        record = json.loads((tmp_path / "out" / "plain.json").read_text())
        assert (record["repeats"] is not None) == repeats
