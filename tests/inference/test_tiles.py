"""Tiles: every pixel covered, every region judged once by a tile that sees it whole; views: mirrored back exactly."""

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from constrained_rcnn.inference.viewed_model import ViewedModel
from constrained_rcnn.inference.views import View, judge_views
from detectron2.structures import Boxes, Instances
from PIL import Image

from constrained_rcnn.data.mapper import ManipulationDatasetMapper
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.result import ManipulationResult
from constrained_rcnn.inference.tiles import plan_tiles
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.modeling.manipulation_map import fuse_maps, merge_instances
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import tiny_cfg, tiny_model

TILES = SimpleNamespace(MAX_PIXELS=1, SIZE=256, OVERLAP=128)


@pytest.mark.parametrize("height, width", [(256, 256), (257, 700), (100, 1000), (1111, 999)])
def test_tiles_cover_everything_and_overlap_enough(height, width):
    seen = np.zeros((height, width), int)
    owned = np.zeros((height, width), int)
    rows, columns = np.mgrid[:height, :width] + 0.5
    boxes = torch.from_numpy(np.stack([columns, rows, columns, rows], -1).reshape(-1, 4))
    plan = plan_tiles(height, width, 256, 128)
    for tile in plan:
        assert tile.bottom - tile.top == min(256, height) and tile.right - tile.left == min(256, width)
        seen[tile.top : tile.bottom, tile.left : tile.right] += 1
        shift = torch.tensor([tile.left, tile.top, tile.left, tile.top])
        owned += tile.owns(boxes - shift).numpy().reshape(height, width)
        # A region of the overlap's size around any point that the tile owns lies within the tile.
        x1, y1, x2, y2 = tile.core
        sides = ((y1, y2, tile.top, tile.bottom, height), (x1, x2, tile.left, tile.right, width))
        for low, high, start, end, length in sides:
            assert low == float("-inf") or low - 64 + 16 >= start
            assert high == float("inf") or high + 64 - 16 <= end
            assert (start == 0) == (low == float("-inf")) and (end == length) == (high == float("inf"))
    assert seen.min() >= 1 and owned.min() >= 1 and owned.max() <= 4
    assert len(plan) == 1 or (owned == 1).mean() > 0.3


@pytest.mark.parametrize("height, width", [(256, 256), (257, 700), (100, 1000), (1111, 999)])
def test_cores_cover_every_pixel_of_a_map(height, width):
    covered = np.zeros((height, width), int)
    for tile in plan_tiles(height, width, 256, 128):
        whole, own = tile.core_windows()
        for axis, start, end in ((0, tile.top, tile.bottom), (1, tile.left, tile.right)):
            assert start <= whole[axis].start < whole[axis].stop <= end
            assert (own[axis].start + start, own[axis].stop + start) == (whole[axis].start, whole[axis].stop)
        covered[whole] += 1
        # What a border of the tile spoils does not count: 48 pixels of an overlap of 128, but for the image's own.
        for axis, end, length in ((0, tile.bottom, height), (1, tile.right, width)):
            assert end == length or end - whole[axis].stop >= 48
        assert tile.top == 0 or whole[0].start - tile.top >= 48
        assert tile.left == 0 or whole[1].start - tile.left >= 48
    assert covered.min() >= 1


class BrightSquares:
    """Stands for a network: finds bright squares; what a border cuts it sees cut, and trusts less.

    Borders of a tile bring false alarms, as zero padding does: a box of its own along each.
    """

    resizes_images, score_weighted, device = False, True, torch.device("cpu")

    def __call__(self, inputs):
        return [self._judge(item) for item in inputs]

    def _judge(self, item):
        bright = item["image"][0].numpy() > 128
        height, width = bright.shape
        boxes, scores = [[0.0, 0.0, 12.0, height], [width - 12.0, 0.0, width, height]], [0.6, 0.6]
        if bright.any():
            rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
            boxes.append([columns[0], rows[0], columns[-1] + 1.0, rows[-1] + 1.0])
            scores.append(0.9 if 10 < min(columns[0], rows[0], width - columns[-1], height - rows[-1]) else 0.7)
        found = Instances((height, width))
        found.pred_boxes, found.scores = Boxes(torch.tensor(boxes, dtype=torch.float32)), torch.tensor(scores)
        found.pred_classes, found.soft_masks = torch.zeros(len(boxes), dtype=torch.int64), torch.ones(len(boxes), 8, 8)
        made = merge_instances(found.pred_boxes.tensor, found.soft_masks, found.scores, height, width)
        return {"instances": found, "manipulation_map": made}


def square(x, y, size=100, shape=(700, 900)):
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[y : y + size, x : x + size] = 200
    return pixels


@pytest.mark.parametrize(
    "x, y", [(40, 60), (100, 30), (190, 60), (206, 206), (333, 147), (480, 310), (555, 420), (700, 500)]
)
def test_a_forgery_on_a_tile_border_scores_as_one_inside(x, y):
    (judged,) = judge_views(BrightSquares(), square(x, y), [View(0, 0)], TILES)
    assert judged.tiles > 4
    made = judged.manipulation_map.numpy()
    inside = made[y : y + 100, x : x + 100]
    assert inside.min() == inside.max() == pytest.approx(0.9)
    made[y : y + 100, x : x + 100] = 0
    # False alarms along tile borders are gone; those along the picture's own stay.
    assert made[:, 12:-12].max() == 0 and made[:, :12].max() == pytest.approx(0.6)
    boxes = judged.instances.pred_boxes.tensor[judged.instances.scores > 0.8]
    assert len(boxes) >= 1 and (boxes == torch.tensor([x, y, x + 100.0, y + 100.0])).all()


@pytest.mark.parametrize(
    "view, limit", [(View(0, 0), 0), (View(0, 0, True), 0), (View(0, 0, True), 1), (View(350, 2000, True), 1)]
)
def test_views_are_mapped_back(view, limit):
    tiles = SimpleNamespace(MAX_PIXELS=limit, SIZE=256, OVERLAP=128)
    (judged,) = judge_views(BrightSquares(), square(120, 340), [view], tiles)
    box = judged.instances.pred_boxes.tensor[judged.instances.scores.argmax()]
    assert torch.allclose(box, torch.tensor([120.0, 340, 220, 440]), atol=2)
    assert judged.manipulation_map.shape == (700, 900)
    inside = judged.manipulation_map[345:435, 125:215]
    assert inside.min() == pytest.approx(0.9) and judged.manipulation_map[345:435, 240:800].max() == 0


class DenseStandIn(BrightSquares):
    """A stand-in with a dense map of its own: what it says of a pixel needs its neighbourhood, not the whole tile.

    Within 40 pixels of its input's border it says too much, as padding makes a network do; the image's own border
    does the same to the untiled map.
    """

    fusion, exponent = "max", 0.5

    def _judge(self, item):
        grey = item["image"].float().mean(0)[None, None]
        local = torch.nn.functional.avg_pool2d(grey, 17, stride=1, padding=8, count_include_pad=False)[0, 0] / 510
        height, width = local.shape
        border = torch.zeros(height, width)
        for strip in (border[:40], border[-40:], border[:, :40], border[:, -40:]):
            strip.fill_(0.4)
        dense = local + border
        empty = Instances((height, width), pred_boxes=Boxes(torch.zeros(0, 4)), scores=torch.zeros(0))
        empty.pred_classes, empty.soft_masks = torch.zeros(0, dtype=torch.int64), torch.zeros(0, 8, 8)
        decision = float(dense.mean())
        made = fuse_maps(torch.zeros(height, width), dense, self.fusion, self.exponent)
        return {"instances": empty, "manipulation_map": made, "dense_map": dense, "decision": decision}


@pytest.mark.parametrize(
    "shape, fusion",
    [((256, 256), "max"), ((411, 577), "max"), ((300, 401), "mean"), ((300, 401), "dense"), ((300, 401), "boxes")],
)
def test_a_dense_map_in_tiles_has_no_seams(shape, fusion):
    """Against the map of the whole image at once; there are no boxes, so their map is 0."""
    pixels, model = picture(*shape), DenseStandIn()
    model.fusion = fusion
    (whole,) = judge_views(model, pixels, [View(0, 0)], SimpleNamespace(MAX_PIXELS=0, SIZE=256, OVERLAP=128))
    (tiled,) = judge_views(model, pixels, [View(0, 0)], TILES)
    assert whole.tiles == 1 and (tiled.tiles >= 6 or shape == (256, 256))
    difference = (tiled.manipulation_map - whole.manipulation_map).abs()
    assert tiled.manipulation_map.shape == shape and difference.max() < 1e-5
    assert (whole.manipulation_map.max() > 0.4) == (fusion != "boxes")


def test_an_images_decision_is_that_of_its_highest_tile():
    pixels = picture(256, 700) // 4
    pixels[:, 500:] += 150
    (tiled,) = judge_views(DenseStandIn(), pixels, [View(0, 0)], TILES)
    last = torch.from_numpy(pixels[:, -256:].copy()).permute(2, 0, 1)
    assert tiled.tiles == 5 and tiled.decision == pytest.approx(DenseStandIn()._judge({"image": last})["decision"])
    (without,) = judge_views(BrightSquares(), pixels, [View(0, 0)], TILES)
    assert without.decision is None


def test_a_mirrored_and_a_reduced_view_of_a_dense_map_are_mapped_back():
    pixels, model = picture(400, 600), DenseStandIn()
    (plain,) = judge_views(model, pixels, [View(0, 0)], TILES)
    (mirrored,) = judge_views(model, pixels, [View(0, 0, True)], TILES)
    assert torch.allclose(plain.manipulation_map, mirrored.manipulation_map, atol=1e-5)
    pixels[100:300, 100:300] //= 4
    (reduced,) = judge_views(model, pixels, [View(0, 0, False, 100_000)], TILES)
    made = reduced.manipulation_map
    assert made.shape == (400, 600) and made[150:250, 150:250].mean() < 0.7 * made[150:250, 400:500].mean()


@pytest.mark.parametrize(
    "view, size, shape",
    [
        (View(0, 0), (300, 401), (300, 401)),
        (View(0, 0, False, 300 * 401), (300, 401), (300, 401)),
        (View(0, 0, False, 300 * 401 - 1), (300, 401), (300, 401)),  # rounded
        (View(0, 0, False, 30_000), (300, 400), (150, 200)),
        (View(0, 0, False, 100_000), (3000, 4000), (274, 365)),
        (View(600, 1000), (300, 401), (600, 802)),
        (View(600, 1000, False, 100_000), (300, 400), (274, 365)),
    ],
)
def test_the_size_at_which_an_image_is_shown(view, size, shape):
    assert view.shape(*size) == shape
    shown = view.show(picture(*size) if size[0] < 1000 else np.zeros((*size, 3), np.uint8))
    assert shown.shape == (*shape, 3) and shown.dtype == np.uint8


def test_an_image_of_which_nothing_would_be_left():
    with pytest.raises(UserError, match="10000x2 pixels: too narrow"):
        View(0, 0, False, 1000).shape(2, 10_000)


def test_a_reduced_image_holds_the_means_of_its_pixels():
    pixels = picture(60, 80)
    shown = View(0, 0, True, 1200).show(pixels)
    means = pixels[:, ::-1].reshape(30, 2, 40, 2, 3).mean((1, 3))
    assert np.abs(shown - means).max() <= 0.51


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    ManipulationCheckpointer(tiny_model(), str(folder)).save("model")
    return str(folder / "model.pth")


def picture(height=300, width=330, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_predictor_tiles_what_is_too_large(weights):
    image = picture()
    small = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))(image)
    options = ["TEST.TILES.MAX_PIXELS", str(300 * 330 - 1), "TEST.TILES.SIZE", "256", "TEST.TILES.OVERLAP", "96"]
    tiled = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))
    result = tiled(image)
    assert small.tiles == 1 and result.tiles == 4 and result.to_json()["tiles"] == 4
    assert result.to_json()["tiled"] is True and small.to_json()["tiled"] is False
    assert result.manipulation_map.shape == (300, 330) and result.score == pytest.approx(result.manipulation_map.max())
    assert result.detections[0].mask.shape == (300, 330)
    assert tiled(image[:200]).tiles == 1
    many = tiled.predict_batch([image, image[:200]])
    assert [one.tiles for one in many] == [4, 1] and np.array_equal(many[0].manipulation_map, result.manipulation_map)


def test_several_views_are_averaged(weights):
    image = picture(96, 120)
    plain = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))(image)
    options = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,)"]
    both = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))(image)
    mirrored = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))(np.ascontiguousarray(image[:, ::-1]))
    assert both.views == 2 and both.to_json()["views"] == 2
    expected = (plain.manipulation_map + mirrored.manipulation_map[:, ::-1]) / 2
    assert np.allclose(both.manipulation_map, expected, atol=1e-6)
    options = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,64)", "TEST.AUG.FLIP", "False"]
    scales = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))(image)
    small = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, "INPUT.MIN_SIZE_TEST", "64"))(image)
    assert np.allclose(scales.manipulation_map, (plain.manipulation_map + small.manipulation_map) / 2, atol=1e-6)


@pytest.mark.parametrize(
    "key, value", [("AUG.MIN_SIZES", "()"), ("AUG.MIN_SIZES", "(0,-1)"), ("TILES.OVERLAP", "600"), ("TILES.SIZE", "0"),
                   ("TILES.MAX_PIXELS", "-1")]
)  # fmt: skip
def test_bad_keys_are_named(key, value):
    with pytest.raises(UserError, match=f"TEST.{key}"):
        tiny_cfg("TEST.AUG.ENABLED", "True", f"TEST.{key}", value)


def test_every_kind_of_input_and_batches(weights):
    predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))
    images = [picture(64, 80, seed) for seed in range(3)] + [picture(90, 50, 4)]
    single = [predictor(image) for image in images]
    for one, other in zip(single, predictor.predict_batch(images)):
        assert np.allclose(one.manipulation_map, other.manipulation_map, atol=1e-5)
        assert one.to_json()["height"] == other.to_json()["height"]
    assert predictor.predict_batch([]) == []
    buffer = io.BytesIO()
    Image.fromarray(images[0][:, :, ::-1]).save(buffer, "PNG")
    for given in (buffer.getvalue(), io.BytesIO(buffer.getvalue()), Image.open(buffer)):
        result = predictor(given)
        assert np.array_equal(result.manipulation_map, single[0].manipulation_map)
        assert np.array_equal(result.image, images[0])


@pytest.mark.parametrize(
    "options", [["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,50)"], ["TEST.TILES.MAX_PIXELS", "70000"], []]
)
def test_evaluation_judges_as_the_predictor_does(weights, tmp_path, options):
    cfg = tiny_cfg("MODEL.WEIGHTS", weights, *options)
    predictor = ManipulationPredictor(cfg)
    Image.fromarray(picture()).save(tmp_path / "a.png")
    item = {"file_name": str(tmp_path / "a.png"), "image_id": 1, "height": 300, "width": 330}
    inputs = ManipulationDatasetMapper(cfg, is_train=False)(item)
    with torch.no_grad():
        (output,) = ViewedModel(predictor.model, cfg)([inputs])
    result = predictor(tmp_path / "a.png")
    assert np.allclose(output["manipulation_map"].numpy(), result.manipulation_map, atol=1e-6)
    assert output["manipulation_score"] == pytest.approx(result.score, abs=1e-6)
    assert output["instances"].pred_masks.shape[1:] == (300, 330) and len(output["instances"]) <= 8


@pytest.mark.parametrize("name, kind", [("overlay.jpg", "JPEG"), ("overlay.PNG", "PNG"), ("overlay", "JPEG")])
def test_overlays_are_saved(tmp_path, name, kind):
    made = np.zeros((64, 80), np.float32)
    ManipulationResult(False, 0.0, 0.5, (), made, picture(64, 80)).save_overlay(tmp_path / "new" / name)
    with Image.open(tmp_path / "new" / name) as saved:
        assert saved.format == kind and saved.width == 80 and saved.height >= 64


#: Peak memory of a prediction in four tiled views, two of them resized, by a stand-in for the network.
MEASURE = """
import resource, sys
from tests.inference.test_tiles import BrightSquares
from tests.helpers.tiny import tiny_cfg
from constrained_rcnn.inference.predictor import BYTES_PER_PIXEL, ManipulationPredictor

weights, folder = sys.argv[1:]
options = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,1590)", "TEST.AUG.FLIP", "True"]
predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))
predictor.model = BrightSquares()
def peak():
    try:  # its own: getrusage's starts at what the test runner, which it was forked from, has resident
        return 1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

for name, side in (("small", 1600), ("large", 5000)):
    before = peak()
    result = predictor(f"{folder}/{name}.png")
    assert (result.views, result.tiled) == (4, True)
print((peak() - before) / side**2, BYTES_PER_PIXEL)
"""


def test_memory_is_bounded(weights, tmp_path):
    for name, side in (("small", 1600), ("large", 5000)):  # here, or making them would count in the peak before
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    command = [sys.executable, "-c", MEASURE, weights, str(tmp_path)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    measured, stated = map(float, ran.stdout.split())
    assert 7 < measured <= stated  # at least map and image are there


def test_a_batch_says_which_picture_is_refused(weights):
    predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))
    with pytest.raises(UserError, match="picture 2 of 2: image: "):
        predictor.predict_batch([picture(64, 80), b"no picture"])
