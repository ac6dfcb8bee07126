"""From network and copy-move to the image's score, and when an image cannot be judged."""

import numpy as np
import pytest

from constrained_rcnn.inference.decision import Decision, decide
from constrained_rcnn.inference.image_class import ImageClass
from constrained_rcnn.inference.operating_points import OperatingPoints

IMAGE = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
KIND = ImageClass.of(IMAGE).name


@pytest.fixture
def points():
    return OperatingPoints.measure({KIND: list(np.linspace(0.1, 0.6, 200))}, [False] * 200, rate=0.02)


def test_without_operating_points_the_fused_score_counts():
    decision = decide(None, 0.2, 0.75, IMAGE, None, True, 0.6)
    assert decision == Decision(0.75, 0.6) and decision.manipulated
    assert decision.rarity is None and decision.unsuitable is None


def test_with_them_the_networks_own_score_counts(points):
    score, rarity = points.score(0.55, KIND, False)
    assert decide(points, 0.55, 0.99, IMAGE, None, False, 0.5) == Decision(score, 0.5, rarity)
    assert not decide(points, 0.55, 0.99, IMAGE, None, False, 0.5).manipulated
    assert decide(points, 0.61, 0.61, IMAGE, None, False, 0.5).manipulated
    assert decide(points, 0.2, 0.875, IMAGE, None, True, 0.5).manipulated


def test_the_network_alone_is_told_apart(points):
    alone = decide(points, 0.2, 0.875, IMAGE, None, True, 0.5).network
    assert alone.raw == 0.2 and alone.score == pytest.approx(points.score(0.2, KIND, False)[0])
    assert alone.score < alone.threshold == 0.5 and points.held_to(alone.kind) == (KIND, True)
    plain = decide(None, 0.2, 0.75, IMAGE, None, True, 0.6).network
    assert (plain.score, plain.threshold) == (0.2, 0.6)


def test_shares_are_of_the_network_alone(points):
    logits = points.logits[KIND]
    shares = points.network_shares(KIND, logits)
    assert shares[-1] == pytest.approx(2 / 201) and shares[0] == 1 and (np.diff(shares) < 0).all()
    assert points.held_to("of another kind") == (KIND, False)


@pytest.mark.parametrize("copy_move", [False, True])
def test_what_cannot_be_judged_is_never_called_manipulated(points, copy_move):
    decision = decide(points, 1.0, 1.0, IMAGE, 30, copy_move, 0.5)
    assert decision.unsuitable == "saved as JPEG of quality 30, below 50"
    assert decision.score == 0.5 and not decision.manipulated
    assert decide(points, 0.1, 0.1, IMAGE, 30, False, 0.5).score < 0.5


def test_the_quality_names_the_kind(points):
    decision = decide(points, 0.5, 0.5, IMAGE, 70, False, 0.5)
    assert decision.rarity.kind == f"below 0.35 MP, JPEG below quality 85, held to {KIND}"
