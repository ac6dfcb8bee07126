"""The benchmark of the exported network: what it compares and what it counts."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn import model_zoo
from constrained_rcnn.benchmarks.export import RUNS, compare, differences
from constrained_rcnn.inference.result import Detection, ManipulationResult

SHAPE = (20, 30)


def result_of(*techniques, box=(1.0, 2.0, 9.0, 9.0), score=0.5):
    detections = tuple(Detection(name, 0.4, {name: 0.4}, box, SHAPE) for name in techniques)
    return ManipulationResult(
        True, score, 0.5, detections, np.zeros(SHAPE, np.float32), np.zeros((*SHAPE, 3), np.uint8)
    )


def test_differences_are_the_largest():
    ours, theirs = result_of("splice", "removal"), result_of("splice", "removal", box=(1.0, 2.5, 9.0, 9.0), score=0.4)
    theirs.manipulation_map[3, 4] = 0.25
    assert differences(ours, theirs) == {"map": 0.25, "score": pytest.approx(0.1), "boxes": 0.5}
    for other in (result_of("splice"), result_of("removal", "splice"), result_of()):
        assert differences(ours, other)["boxes"] == float("inf")
    by_others = tuple(dataclasses.replace(one, found_by="repeats") for one in ours.detections)
    assert differences(ours, dataclasses.replace(ours, detections=by_others))["boxes"] == float("inf")


def test_the_package_s_network_agrees_and_every_way_is_timed(tmp_path):
    noise = np.random.default_rng(0).integers(90, 160, (70, 90, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    cfg = model_zoo.load_default_config(None, [])
    found, times = compare(cfg, model_zoo.default_network(), [tmp_path / "noise.png"], repeats=1)
    assert found[0]["map"] < 1e-3 and found[0]["boxes"] < 0.5
    assert set(times) == set(RUNS) and times["float32"]["ratio"] == 1
    assert all(figures["seconds"] > 0 for figures in times.values())
