"""The predictor with tiles, augmentations and batches; every kind of input; memory."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.stand_ins import noise
from tests.helpers.tiny import tiny_cfg, tiny_model


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    ManipulationCheckpointer(tiny_model(), str(folder)).save("model")
    return str(folder / "model.pth")


def test_the_predictor_tiles_what_is_too_large(weights):
    image = noise()
    small = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))(image)
    options = ["TEST.TILES.MAX_PIXELS", str(300 * 330 - 1), "TEST.TILES.SIZE", "256", "TEST.TILES.OVERLAP", "96"]
    tiled = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))
    result = tiled(image)
    assert small.tiles == 1 and result.tiles == 4 and result.to_json()["tiles"] == 4
    assert result.to_json()["tiled"] is True and small.to_json()["tiled"] is False
    assert result.manipulation_map.shape == (300, 330) and result.score == pytest.approx(result.manipulation_map.max())
    assert result.detections[0].mask.shape == (300, 330)
    assert tiled(image[:200]).tiles == 1
    results = tiled.predict_batch([image, image[:200]])
    assert [batched.tiles for batched in results] == [4, 1] and np.array_equal(
        results[0].manipulation_map, result.manipulation_map
    )


def test_several_augmentations_are_averaged(weights):
    image = noise(96, 120)
    plain = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))(image)
    options = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,)"]
    averaged = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))(image)
    mirrored = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))(np.ascontiguousarray(image[:, ::-1]))
    assert averaged.views == 2 and averaged.to_json()["views"] == 2
    expected = (plain.manipulation_map + mirrored.manipulation_map[:, ::-1]) / 2
    assert np.allclose(averaged.manipulation_map, expected, atol=1e-6)
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
    images = [noise(64, 80, seed) for seed in range(3)] + [noise(90, 50, 4)]
    single = [predictor(image) for image in images]
    for alone, batched in zip(single, predictor.predict_batch(images)):
        assert np.allclose(alone.manipulation_map, batched.manipulation_map, atol=1e-5)
        assert alone.to_json()["height"] == batched.to_json()["height"]
    assert predictor.predict_batch([]) == []
    buffer = io.BytesIO()
    Image.fromarray(images[0][:, :, ::-1]).save(buffer, "PNG")
    for source in (buffer.getvalue(), io.BytesIO(buffer.getvalue()), Image.open(buffer)):
        result = predictor(source)
        assert np.array_equal(result.manipulation_map, single[0].manipulation_map)
        assert np.array_equal(result.image, images[0])


#: Peak memory of a prediction in four tiled augmentations, two of them resized, by a stand-in for the network.
MEASURE = """
import resource, sys
from tests.helpers.stand_ins import BrightSquares
from tests.helpers.tiny import tiny_cfg
from constrained_rcnn.inference.predictor import BYTES_PER_PIXEL, ManipulationPredictor
from constrained_rcnn.inference.test_time_augmentation import ConstrainedRCNNWithTTA

weights, folder = sys.argv[1:]
options = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,1590)", "TEST.AUG.FLIP", "True"]
predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights, *options))
predictor.detector = ConstrainedRCNNWithTTA(predictor.cfg, BrightSquares())
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


def test_a_batch_says_which_image_is_refused(weights):
    predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", weights))
    with pytest.raises(UserError, match="image 2 of 2: image: "):
        predictor.predict_batch([noise(64, 80), b"no image"])
