"""TEST.REPEATS: predictor and evaluation fuse copy-moves into the network's map alike."""

import cv2
import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, pairwise_iou

from constrained_rcnn.config import load_config
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.test_time_augmentation import ConstrainedRCNNWithTTA
from constrained_rcnn.matching.suspects import EITHER, detect_copy_moves, fuse_copy_moves
from constrained_rcnn.model_zoo import default_options
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from tests.helpers.copied import forged, photo
from tests.helpers.tiny import tiny_cfg, tiny_model

SETTINGS = {
    "plain": [],
    "resized": ["INPUT.MIN_SIZE_TEST", "200"],
    "rgb": ["INPUT.FORMAT", "RGB"],
    "mirrored": ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,)", "TEST.AUG.FLIP", "True"],
    "tiles": ["TEST.TILES.MAX_PIXELS", "100000", "TEST.TILES.SIZE", "320", "TEST.TILES.OVERLAP", "64"],
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    ManipulationCheckpointer(tiny_model(), str(folder), metadata={"decision_threshold": 0.55}).save("model")
    return str(folder / "model.pth")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "copied.png"
    cv2.imwrite(str(path), forged(photo())[0])
    return path


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
def test_predictor_and_evaluation_fuse_the_same(weights, file, options):
    plain = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))
    cfg = tiny_cfg("MODEL.WEIGHTS", weights, "TEST.REPEATS", "True", *options)
    fusing = ManipulationPredictor(cfg)
    unfused, fused = plain(file), fusing(file)
    assert unfused.copy_moves is None and len(fused.copy_moves) == 1
    copy_moves = detect_copy_moves(unfused.image, unfused.manipulation_map)
    assert [copy_move.to_json() for copy_move in copy_moves] == [copy_move.to_json() for copy_move in fused.copy_moves]
    expected = unfused.manipulation_map.copy()
    fuse_copy_moves(expected, copy_moves)
    assert (expected > unfused.manipulation_map).mean() > 0.05
    assert np.allclose(fused.manipulation_map, expected, atol=1e-6)
    assert fused.score == fused.manipulation_map.max() >= EITHER
    assert fused.manipulated and "copy-move" in fused.techniques and not unfused.manipulated
    assert [d.box for d in fused.detections if d.found_by == "network"] == [d.box for d in unfused.detections]
    assert fused.network.raw == unfused.score and not fused.network.score > fused.network.threshold
    assert np.allclose(fused.network_map, unfused.manipulation_map, atol=1e-6)  # of the network alone
    chosen, found = [copy_move.regions for copy_move in fused.copy_moves], fused.duplicated_regions
    assert {id(regions) for regions in chosen} <= {id(regions) for regions in found}
    assert unfused.duplicated_regions is unfused.network_map is None
    names = [(copy_move, name) for copy_move in fused.copy_moves for name in copy_move.suspects]
    added = [d.box for d in fused.detections if d.found_by == "repeats"]
    assert sorted(added) == sorted(getattr(copy_move.regions, f"{name}_box") for copy_move, name in names)

    with torch.no_grad():
        (output,) = ConstrainedRCNNWithTTA(cfg, fusing.model)([{"file_name": str(file)}])
    assert np.allclose(output["manipulation_map"].numpy(), fused.manipulation_map, atol=1e-5)
    assert float(output["manipulation_score"]) == pytest.approx(fused.score, abs=1e-5)


def test_a_region_that_several_pairs_name_is_one_detection(weights):
    image, _ = forged(photo())
    image[240:370, 430:560] = photo()[20:150, 300:430]
    result = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, "TEST.REPEATS", "True"))(image)
    boxes = [d.box for d in result.detections if d.found_by == "repeats"]
    assert sum(len(copy_move.suspects) for copy_move in result.copy_moves) > len(boxes) >= 2
    overlaps = pairwise_iou(Boxes(torch.tensor(boxes)), Boxes(torch.tensor(boxes)))
    assert overlaps.fill_diagonal_(0).max() <= 0.5


def test_batches_too(weights, file):
    predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, "TEST.REPEATS", "True"))
    results = predictor.predict_batch([file, photo()])
    assert [len(result.copy_moves) for result in results] == [1, 0]
    assert np.allclose(results[0].manipulation_map, predictor(file).manipulation_map, atol=1e-5)


def test_only_the_config_of_the_shipped_weights_asks_for_it():
    assert not tiny_cfg().TEST.REPEATS
    assert load_config(*default_options()).TEST.REPEATS
