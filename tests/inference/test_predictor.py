import json
import shutil

import numpy as np
import pytest
import torch
from detectron2.engine import DefaultPredictor
from detectron2.layers import paste_masks_in_image
from PIL import Image

from constrained_rcnn import model_zoo
from constrained_rcnn.config import load_config
from constrained_rcnn.inference.operating_points import threshold_at
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.result import Detection
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.visualization.overlay import overlay, side_by_side
from tests.helpers.tiny import tiny_cfg, tiny_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    metadata = {"classes": ["splice", "copy-move", "removal"], "decision_threshold": 0.25}
    ManipulationCheckpointer(tiny_model(), str(folder), metadata=metadata).save("model")
    return str(folder / "model.pth")


@pytest.fixture(scope="module")
def predictor(weights):
    return ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))


def make_image(height=72, width=90, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "options",
    [
        (),  # as it is
        ("INPUT.MIN_SIZE_TEST", "48"),
        ("INPUT.MIN_SIZE_TEST", "100", "INPUT.MAX_SIZE_TEST", "110"),
        ("INPUT.FORMAT", "RGB"),
    ],
)
def test_agrees_with_detectron2s_predictor(weights, options):
    cfg, image = tiny_cfg("MODEL.WEIGHTS", weights, *options), make_image()
    result, output = ManipulationPredictor(cfg)(image), DefaultPredictor(cfg)(image)
    instances = output["instances"]
    boxes = instances.pred_boxes.tensor.numpy()
    assert result.detections
    for detection in result.detections:
        distances = np.abs(boxes - detection.box).max(axis=1)
        assert distances.min() < 1e-3
        assert np.array_equal(detection.mask, instances.pred_masks[distances.argmin()].numpy())
    assert result.score == pytest.approx(output["manipulation_score"], abs=1e-5)
    assert np.allclose(result.manipulation_map, output["manipulation_map"].numpy(), atol=1e-5)


def test_result_is_typed_and_json_ready(predictor):
    result = predictor(make_image())
    assert result.threshold == 0.25  # from the checkpoint's metadata
    assert result.manipulated == (result.score > 0.25)
    assert result.manipulation_map.shape == (72, 90) and result.manipulation_map.dtype == np.float32
    assert result.detections[0].mask.shape == (72, 90)
    record = json.loads(json.dumps(result.to_json()))
    assert record["width"] == 90 and len(record["detections"]) == len(result.detections)
    assert [d["score"] for d in record["detections"]] == sorted(
        (d["score"] for d in record["detections"]), reverse=True
    )


def test_config_threshold_goes_before_the_stored_one(weights):
    predictor = ManipulationPredictor(
        tiny_cfg("MODEL.WEIGHTS", weights, "MODEL.MANIPULATION_MAP.DECISION_THRESHOLD", "0.9")
    )
    assert predictor.threshold == 0.9


def test_file_and_array_agree(predictor, tmp_path):
    image = make_image()
    Image.fromarray(image[:, :, ::-1]).save(tmp_path / "a.png")
    assert np.array_equal(predictor(tmp_path / "a.png").manipulation_map, predictor(image).manipulation_map)


@pytest.mark.parametrize("size", [(16, 16), (16, 300), (33, 17)])
def test_small_images(predictor, size):
    assert predictor(make_image(*size)).manipulation_map.shape == size


def test_images_that_are_too_small_are_refused(predictor):
    with pytest.raises(UserError, match="200x15 pixels"):
        predictor(make_image(15, 200))


@pytest.mark.parametrize(
    "shape, dtype", [((50, 50), "u1"), ((50, 50, 4), "u1"), ((50, 50, 3), "f4"), ((0, 50, 3), "u1")]
)
def test_wrong_arrays(predictor, shape, dtype):
    bad = np.zeros(shape, dtype)
    with pytest.raises(ValueError, match="BGR"):
        predictor(bad)


def test_weights_are_needed_and_must_fit(weights):
    with pytest.raises(UserError, match="MODEL.WEIGHTS"):
        ManipulationPredictor(tiny_cfg())
    with pytest.raises(UserError, match="does not fit"):
        ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, "MODEL.MASK_ON", "False"))


def test_overlay_puts_the_colour_where_the_map_is():
    image = np.full((200, 300, 3), 120, np.uint8)
    heatmap = np.zeros((200, 300), np.float32)
    heatmap[50:100, 60:160] = 0.9
    detection = Detection("splice", 0.9, {"splice": 0.9}, (60.0, 50.0, 160.0, 100.0), (200, 300))
    overlaid = overlay(image, heatmap, (detection,), 0.5, line="a")
    assert overlaid.shape[1] == 300 and overlaid.shape[0] > 200
    spread = np.ptp(overlaid[:200].astype(int), axis=2)
    assert spread[60:90, 70:150].min() > 20  # coloured inside
    assert spread[150:, :].max() == 0  # grey elsewhere
    without_map = overlay(image, heatmap * 0, (detection,), 0.95, line="a")
    assert np.ptp(without_map[:200].astype(int), axis=2).max() == 0


def test_masks_are_drawn_in_strips_as_at_once():
    """Corners on, beside and between the strips' borders, and beyond the image's."""
    soft = np.random.default_rng(0).random((14, 14), dtype=np.float32)
    for top in (-3.0, 0.0, 300.25, 510.5, 511.0, 512.0, 513.5, 1022.75, 1099.0):
        for bottom in (5.0, 511.5, 512.0, 513.0, 1024.0, 1025.5, 1100.0, 1180.0):
            if top < bottom:
                box = (3.5, top, 20.25, bottom)
                mask = Detection("splice", 0.9, {}, box, (1100, 30), soft).mask
                expected = paste_masks_in_image(torch.from_numpy(soft)[None], torch.tensor([box]), (1100, 30))[
                    0
                ].numpy()
                # In float32 a pixel at exactly the threshold may fall on either side.
                assert (mask != expected).sum() <= 2


def test_the_shipped_weights_are_found_once_they_are_there(tmp_path, monkeypatch):
    weights = model_zoo.default_weights()
    monkeypatch.setattr(model_zoo, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(UserError, match="weights are missing"):
        ManipulationPredictor()
    shutil.copy(weights, tmp_path / "a.pth")
    assert model_zoo.default_weights() == str(tmp_path / "a.pth")
    assert model_zoo.default_options() == (model_zoo.default_config_file(), ["MODEL.WEIGHTS", str(tmp_path / "a.pth")])
    predictor = ManipulationPredictor()
    assert predictor.threshold == 0.5 and predictor.model.operating_points is not None  # of these weights
    assert predictor.cfg.dump() == load_config(*model_zoo.default_options()).dump()
    shutil.copy(weights, tmp_path / "b.pth")
    with pytest.raises(UserError, match="2 checkpoints"):
        model_zoo.default_weights()


def test_side_by_side_aligns():
    row = side_by_side([("a", make_image(50, 80)), ("b", make_image(100, 60))], height=100)
    assert row.shape[1] == 160 + 4 + 60 and row.shape[0] > 100


@pytest.mark.parametrize("rate, expected", [(0.0, 10), (0.1, 9), (0.25, 8), (0.99, 1)])
def test_threshold_at_a_false_alarm_rate(rate, expected):
    scores = np.arange(1, 11) / 10
    threshold = threshold_at(scores, rate)
    assert threshold == expected / 10
    assert (scores > threshold).mean() <= rate
