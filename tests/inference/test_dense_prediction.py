"""Predictor and evaluation say the same of an image: dense map, decision head, operating points, copy-move."""

import dataclasses
import os

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from constrained_rcnn.data.mapper import ManipulationDatasetMapper
from constrained_rcnn.data.techniques import UNCERTAIN
from constrained_rcnn.inference.operating_points import KEY, OperatingPoints
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.test_time_augmentation import with_test_time_augmentation
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.copied import forged, photo
from tests.helpers.tiny import DENSE, tiny_cfg, tiny_model

LIGHT, HEAVY = "below 0.35 MP, lightly compressed", "below 0.35 MP, JPEG below quality 85"
#: Untouched images score from 0.05 to 0.6, those saved with less quality up to 0.8; a copy-move in 1 of 400.
POINTS = OperatingPoints.measure(
    {LIGHT: list(np.linspace(0.05, 0.6, 200)), HEAVY: list(np.linspace(0.05, 0.8, 200))}, [True] + [False] * 399
)
SETTINGS = {
    "plain": [],
    "reduced": ["TEST.REDUCE_ABOVE", "60000", "MODEL.DENSE_MAP.FUSION", "mean"],
    "reduced and tiled": ["TEST.REDUCE_ABOVE", "150000", "TEST.TILES.MAX_PIXELS", "100000", "TEST.TILES.SIZE", "256",
                          "TEST.TILES.OVERLAP", "96", "MODEL.DENSE_MAP.FUSION", "dense",
                          "MODEL.DENSE_MAP.EXPONENT", "0.7"],
    "augmented": ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,150)", "TEST.REDUCE_ABOVE", "90000"],
    "rgb": ["INPUT.FORMAT", "RGB", "INPUT.MIN_SIZE_TEST", "200"],
    "no decision head": ["MODEL.DECISION_HEAD.ENABLED", "False"],
}  # fmt: skip


def metadata(points):
    return {"decision_threshold": 0.3, **({KEY: points.to_metadata()} if points else {})}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for name, options, points in (
        ("head", DENSE, None), ("head_points", DENSE, POINTS),
        ("none", [*DENSE, "MODEL.DECISION_HEAD.ENABLED", "False"], None),
        ("none_points", [*DENSE, "MODEL.DECISION_HEAD.ENABLED", "False"], POINTS),
    ):  # fmt: skip
        ManipulationCheckpointer(tiny_model(*options), str(folder), metadata=metadata(points)).save(name)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A photo of which a part is copied, saved without loss, lightly, heavily, and so that it cannot be judged."""
    folder, image = tmp_path_factory.mktemp("files"), forged(photo())[0]
    cv2.imwrite(str(folder / "copied.png"), image)
    cv2.imwrite(str(folder / "plain.png"), photo())
    for quality in (95, 70, 40):
        cv2.imwrite(str(folder / f"{quality}.jpg"), photo(), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return folder


def evaluated(cfg, model, file):
    item = {"file_name": str(file), "image_id": 1, "height": 400, "width": 600}
    with torch.no_grad():
        return with_test_time_augmentation(cfg, model)([ManipulationDatasetMapper(cfg, is_train=False)(item)])[0]


@pytest.mark.parametrize(
    "name, with_points", [*((name, True) for name in SETTINGS), ("plain", False), ("no decision head", False)]
)
def test_evaluation_is_the_predictor(weights, files, name, with_points):
    points = POINTS if with_points else None
    stem = ("none" if name == "no decision head" else "head") + ("_points" if points else "")
    options = [*DENSE, *SETTINGS[name], "MODEL.WEIGHTS", str(weights / f"{stem}.pth")]
    for repeats, file in (("True", "copied.png"), ("False", "70.jpg")):
        cfg = tiny_cfg(*options, "TEST.REPEATS", repeats)
        predictor = ManipulationPredictor(cfg)
        result, output = predictor(files / file), evaluated(cfg, predictor.model, files / file)
        assert np.allclose(output["manipulation_map"].numpy(), result.manipulation_map, atol=1e-5), file
        assert float(output["manipulation_score"]) == pytest.approx(result.score, abs=1e-5), file
        assert (result.rarity is not None) == (points is not None)
        assert predictor.threshold == (0.5 if points else 0.3)
        if name == "reduced and tiled":
            assert result.tiled
        if repeats == "True":
            assert len(result.copy_moves) == 1 and result.manipulation_map.max() >= 0.75
            assert points is None or result.manipulated
        elif points is not None:
            assert result.rarity.kind == HEAVY
        assert all(detection.score <= result.score for detection in result.detections)


def test_batches_and_single_images_agree(weights, files):
    cfg = tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(weights / "head_points.pth"), "TEST.REDUCE_ABOVE", "60000")
    predictor = ManipulationPredictor(cfg)
    names = [files / name for name in ("plain.png", "95.jpg", "70.jpg", "40.jpg")]
    for batched, file in zip(predictor.predict_batch(names), names):
        single = predictor(file)
        assert batched.score == pytest.approx(single.score, abs=1e-5)
        assert batched.rarity.kind == single.rarity.kind and batched.unsuitable == single.unsuitable
        assert np.allclose(batched.manipulation_map, single.manipulation_map, atol=1e-5)


def test_the_same_pixels_are_held_to_their_files_kind(weights, files):
    """Of an open file, its content and Pillow's image as of its path; an array has no quality."""
    predictor = ManipulationPredictor(tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(weights / "head_points.pth")))
    path = files / "70.jpg"
    with open(path, "rb") as file:
        for source in (path, str(path), path.read_bytes(), file, Image.open(path)):
            result = predictor(source)
            assert result.rarity.kind == HEAVY
        array = predictor(result.image)
    assert array.rarity.kind == LIGHT and array.score > result.score  # the same network, a lower threshold


def test_what_cannot_be_judged(weights, files):
    predictor = ManipulationPredictor(tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(weights / "head_points.pth")))
    result = predictor(files / "40.jpg")
    assert result.unsuitable == "saved as JPEG of quality 40, below 50" and not result.manipulated
    record = result.to_json()
    assert (record["decision"], record["unsuitable"], record["techniques"]) == (
        "cannot be judged",
        result.unsuitable,
        [],
    )
    (small,) = predictor.predict_batch([photo()[:50, :200]])
    assert small.decision == "cannot be judged"


@pytest.mark.parametrize("side", [16, 17, 33])
def test_the_smallest_images(weights, side):
    predictor = ManipulationPredictor(tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(weights / "head.pth")))
    result = predictor(np.ascontiguousarray(photo()[:side, :side]))
    assert np.isfinite(result.manipulation_map).all() and 0 < result.score < 1


def test_a_technique_is_named_from_its_margin_on(weights, tmp_path):
    detections_by_margin = {}
    for margin in (0.0, 0.34, 2.0):
        points = dataclasses.replace(POINTS, technique_margin=margin)
        ManipulationCheckpointer(tiny_model(*DENSE), str(tmp_path), metadata=metadata(points)).save("model")
        predictor = ManipulationPredictor(tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(tmp_path / "model.pth")))
        detections_by_margin[margin] = predictor(photo()).detections
    assert detections_by_margin[0.0]
    for margin, detections in detections_by_margin.items():
        for detection in detections:
            best = max(detection.technique_scores, key=detection.technique_scores.get)
            share = detection.technique_scores[best] / sum(detection.technique_scores.values())
            assert detection.technique == (best if share >= margin else UNCERTAIN)
            shares = list(detection.technique_scores.values())
            assert len(shares) == 3 and shares == sorted(shares, reverse=True)
    assert {unnamed.technique for unnamed in detections_by_margin[2.0]} == {UNCERTAIN} and UNCERTAIN not in {
        d.technique for d in detections_by_margin[0.0]
    }


def test_damaged_operating_points_are_one_line(tmp_path):
    ManipulationCheckpointer(tiny_model(), str(tmp_path), metadata={KEY: {"classes": 3}}).save("model")
    with pytest.raises(UserError, match="operating points are damaged"):
        ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", str(tmp_path / "model.pth")))


def test_a_named_pipe_is_refused_and_not_waited_for(weights, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    predictor = ManipulationPredictor(tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(weights / "head.pth")))
    with pytest.raises(UserError, match="pipe.jpg: not a regular file"):
        predictor(tmp_path / "pipe.jpg")
