"""The network as a witness: its words follow from how rare such scores are, and copy-moves have no part in them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from constrained_rcnn.apps.detect import network_witness
from constrained_rcnn.apps.detect.evidence import EvidenceMaker
from constrained_rcnn.apps.evidence.options import EvidenceOptions
from constrained_rcnn.evidence import Level
from constrained_rcnn.inference.network_output import NetworkOutput
from constrained_rcnn.inference.operating_points import OperatingPoints
from constrained_rcnn.inference.result import Detection, ManipulationResult

KIND = "large, lightly compressed"


@pytest.fixture(scope="module")
def points():
    return OperatingPoints.measure({KIND: list(np.linspace(0.1, 0.6, 400))}, [False] * 400, rate=0.02)


def result(raw, points=None, *, kind=KIND, **more):
    made = np.full((60, 80), 0.25, np.float32)
    network = NetworkOutput(raw, 0.5, points, kind)
    values = {"manipulated": False, "score": network.score, "threshold": network.threshold, "detections": (), **more}
    return ManipulationResult(
        **values, manipulation_map=made, image=np.zeros((60, 80, 3), np.uint8), network=network
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "level"),
    [(0.3, Level.NOTHING_FOUND), (0.57, Level.WEAK), (0.59, Level.MODERATE), (0.61, Level.STRONG)],
)
def test_rare_scores_get_strong_words(points, raw, level):
    seen = network_witness.observe(result(raw, points), "0" * 64)
    assert seen.level is level and "untouched images of its kind scores as high" in seen.sentence
    assert seen.facts["above_threshold"] == (level is Level.STRONG)
    json.dumps(seen.facts, allow_nan=False)


def test_kinds_that_nobody_measured_get_weak_words(points):
    assert network_witness.observe(result(0.99, points, kind="small"), "").level is Level.WEAK
    assert network_witness.observe(result(0.99), "").level is Level.WEAK
    seen = network_witness.observe(result(0.4), "")
    assert seen.level is Level.NOTHING_FOUND and "was not measured for these weights" in seen.sentence


def test_strong_needs_the_threshold():
    assert network_witness.word(0.001, above=False, known=True) is Level.MODERATE
    assert network_witness.word(0.001, above=True, known=True) is Level.STRONG


def test_what_cannot_be_judged_says_why(points):
    seen = network_witness.observe(result(0.99, points, unsuitable="a drawing"), "")
    assert seen.level is Level.CANNOT_BE_JUDGED and "a drawing" in seen.sentence and not seen.regions


def test_rates_are_those_of_the_checkpoint(points):
    (rates,) = network_witness.rates(points)["authentic"].values()
    assert rates["images"] == 400 and sum(rates[level.value] for level in Level) == pytest.approx(1)
    assert rates["strong"] <= 0.01 and rates["strong"] + rates["moderate"] <= 0.03 and 0.05 < rates["weak"] < 0.1
    assert network_witness.rates(None) is None


def test_copy_moves_have_no_part_in_it(points):
    boxes = {"network": (10.2, 10, 40, 40), "repeats": (50, 10, 70, 30)}
    found = tuple(Detection("splice", 0.9, {}, box, (60, 80), None, by) for by, box in boxes.items())
    own = np.zeros((60, 80), np.float32)
    with_copies = result(0.2, points, manipulated=True, score=0.9, detections=found, network_map=own)
    seen = network_witness.observe(with_copies, "")
    assert seen.level is Level.NOTHING_FOUND and not seen.map.any()
    seen = network_witness.observe(result(0.57, points, score=0.5001, threshold=0.5, detections=found), "")
    assert seen.level is Level.WEAK and not seen.regions and not seen.facts["techniques"]
    seen = network_witness.observe(result(0.61, points, score=0.7, detections=found), "")
    assert seen.regions == ((10, 10, 40, 40),) and seen.map.max() == 0.25


def test_a_network_witness_that_breaks_costs_itself(points, monkeypatch):
    monkeypatch.setattr(network_witness, "reduced", None)
    make = EvidenceMaker(EvidenceOptions(("metadata", "network")))
    metadata, network = make(b"no image", None, result(0.2, points))
    assert metadata.level is network.level is Level.CANNOT_BE_JUDGED
    assert "not an image" in metadata.sentence and network.facts["error"] == "TypeError"
