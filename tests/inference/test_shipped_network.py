"""The package's ONNX file: it is of the package's checkpoint, and gives what that gives."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from constrained_rcnn import model_zoo
from constrained_rcnn.benchmarks.export import differences
from constrained_rcnn.config_text import config_sha256
from constrained_rcnn.inference.onnx_predictor import OnnxPredictor
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.inference.test_time_augmentation import network_alone
from constrained_rcnn.synthesis import demo_photos
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.provenance import sha256
from tests.helpers.copied import forged, photo

DATA = os.environ.get("DETECTRON2_DATASETS")


@pytest.fixture(scope="module")
def exported():
    return OnnxPredictor(model_zoo.default_network(), 1)


@pytest.fixture(scope="module")
def predictor():
    return ManipulationPredictor()


def test_it_belongs_to_the_checkpoint_and_its_config(exported):
    cfg = model_zoo.load_default_config(None, ["MODEL.DEVICE", "cpu"])  # whatever this machine has
    renew = "the ONNX file is of another checkpoint or config: make network"
    assert exported.about["weights"]["sha256"] == sha256(model_zoo.default_weights()), renew
    assert exported.about["config_sha256"] == config_sha256(cfg), renew


def test_it_is_small_and_names_no_folder():
    data = Path(model_zoo.default_network()).read_bytes()
    assert len(data) < 40_000_000
    assert not any(word in data for word in (b"site-packages", b"/home/", str(Path(__file__).parents[2]).encode()))


def test_it_says_what_the_checkpoint_says(exported, predictor):
    assert exported.classes == predictor.classes and exported.threshold == predictor.threshold
    assert exported.augmentations == predictor.detector.augmentations
    ours, theirs = exported.points.to_metadata(), predictor.model.operating_points.to_metadata()
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)


def crops(count):
    """So many parts of the demo's photos, each of another size, (H, W, 3) uint8 BGR."""
    photos = [pixels for _, pixels in demo_photos.load("test")]
    rng, made = np.random.default_rng(0), []
    for number in range(count):
        photo = photos[number % len(photos)]
        height, width = rng.integers(64, 300, 2)
        top, left = (int(rng.integers(0, max(1, side - size))) for side, size in zip(photo.shape, (height, width)))
        made.append(np.ascontiguousarray(photo[top : top + height, left : left + width, ::-1]))
    return made


def assert_same(wanted, got):
    found = differences(wanted, got)
    assert found["map"] < 1e-3 and found["score"] < 1e-3 and found["boxes"] < 0.5, found
    assert (got.unsuitable, got.views, got.tiles, got.decision) == (
        wanted.unsuitable, wanted.views, wanted.tiles, wanted.decision
    )  # fmt: skip
    for ours, theirs in zip(wanted.detections, got.detections):
        assert theirs.technique_scores == pytest.approx(ours.technique_scores, abs=1e-3)
        if ours.soft_mask is not None:
            assert np.abs(ours.soft_mask - theirs.soft_mask).max() < 1e-3
            assert (ours.mask != theirs.mask).mean() < 1e-3


@pytest.fixture
def without_copy_moves(exported, predictor, monkeypatch):
    """Their detection is slow and the same code on both sides; tests without this fixture have it."""
    monkeypatch.setitem(exported.about, "copy_moves", False)
    monkeypatch.setattr(predictor.detector, "cfg", network_alone(predictor.detector.cfg))


def test_images_of_twenty_sizes_give_the_same_result(exported, predictor, without_copy_moves):
    for image in crops(20):
        assert_same(predictor(image), exported(image))


def test_copy_moves_are_the_same(exported, predictor):
    image, _ = forged(photo())
    wanted, got = predictor(image), exported(image)
    assert_same(wanted, got)
    assert [move.to_json() for move in got.copy_moves] == [move.to_json() for move in wanted.copy_moves] != []


def test_a_large_image_is_reduced_in_the_same_way(exported, predictor):
    image = np.random.default_rng(0).integers(0, 256, (130, 170, 3), dtype=np.uint8)
    reducing = [dataclasses.replace(one, largest=9000) for one in exported.augmentations]
    exported, before = exported, (exported.augmentations, predictor.detector.augmentations)
    exported.augmentations = predictor.detector.augmentations = reducing
    try:
        assert_same(predictor(image), exported(image))
    finally:
        exported.augmentations, predictor.detector.augmentations = before


@pytest.mark.skipif(not DATA, reason="DETECTRON2_DATASETS is not set")
def test_real_files_give_the_same_result(exported, predictor, without_copy_moves):
    files = sorted(Path(DATA).rglob("*.jpg"))
    assert len(files) >= 20
    for file in files[:: len(files) // 20][:20]:
        wanted, got = predictor(file), exported(file)
        assert_same(wanted, got)
        assert got.rarity == wanted.rarity or got.rarity.one_in == pytest.approx(wanted.rarity.one_in, rel=0.01)


def test_progress_is_told(exported):
    told = []
    exported(crops(1)[0], progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize("size", [(15, 200), (16, 16)])
def test_too_small_an_image_is_refused(exported, size):
    with pytest.raises(UserError, match=f"{size[1]}x{size[0]} pixels"):
        exported(np.zeros((*size, 3), np.uint8))


def test_narrow_images_are_taken(exported, predictor):
    image = np.random.default_rng(0).integers(0, 256, (16, 70, 3), dtype=np.uint8)
    assert_same(predictor(image), exported(image))


def test_what_the_network_does_not_take_is_said(exported, monkeypatch):
    image = np.zeros((40, 50, 3), np.uint8)
    for key, value, said in (("size", [40, 60], "takes 60x40 alone"), ("tiles_above", 1999, "needs tiles")):
        monkeypatch.setitem(exported.about, key, value)
        with pytest.raises(UserError, match=said):
            exported(image)
        monkeypatch.undo()
    monkeypatch.setattr(exported, "augmentations", [dataclasses.replace(exported.augmentations[0], shortest=600)])
    with pytest.raises(UserError, match="MIN_SIZE"):
        exported(image)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"no network")
    with pytest.raises(UserError, match="other.onnx: not a network that this package exported"):
        OnnxPredictor(tmp_path / "other.onnx")
    with pytest.raises(UserError, match="none.onnx: no such file"):
        OnnxPredictor(tmp_path / "none.onnx")


def test_without_onnx_runtime_it_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match="exported networks need the library onnxruntime"):
        OnnxPredictor(model_zoo.default_network())
