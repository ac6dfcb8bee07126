"""Operating points, on numbers made by hand: thresholds, shifted scores, how rare they are, margins."""

import json
import math

import numpy as np
import pytest

from constrained_rcnn.inference.operating_points import (
    KEY,
    LEAST_IMAGES,
    LEAST_NAMED,
    OperatingPoints,
    Rarity,
    logit,
    margin_at,
)
from constrained_rcnn.utils.errors import UserError


def probabilities(logits):
    return [1 / (1 + math.exp(-x)) for x in logits]


#: 1000 untouched large images with logits -5.00, -4.99, ... 4.99, and 1000 small ones 2 higher.
LARGE = np.arange(-500, 500) / 100
SMALL = LARGE + 2


@pytest.fixture(scope="module")
def points():
    scores = {"large": probabilities(LARGE[::-1]), "small": probabilities(SMALL)}
    return OperatingPoints.measure(scores, [True] * 10 + [False] * 1990, rate=0.02)


def test_copy_move_and_network_share_the_rate(points):
    assert points.copy_move_rate == 0.005
    for name, values in (("large", LARGE), ("small", SMALL)):
        share = (points.logits[name] > points.thresholds[name]).mean()
        assert share == 0.015  # what is left of 0.02
        assert np.allclose(points.logits[name], values, atol=1e-6)


@pytest.mark.parametrize("copy_moves, network_rate", [(0, 0.0195), (30, 0.01), (400, 0.01)])
def test_the_network_gets_half_of_the_rate_at_least(copy_moves, network_rate):
    """Without any copy-move the rate of one in their number is taken."""
    moves = [True] * copy_moves + [False] * (2000 - copy_moves)
    scores = {"large": probabilities(LARGE), "small": probabilities(SMALL)}
    points = OperatingPoints.measure(scores, moves, rate=0.02)
    assert points.copy_move_rate == max(1, copy_moves) / 2000
    assert (LARGE > points.thresholds["large"] + 1e-6).sum() == math.floor(network_rate * 1000)


def test_few_images_are_held_to_the_strictest_threshold():
    too_few = list(probabilities([-9.0] * (LEAST_IMAGES - 1)))
    scores = {"large": probabilities(LARGE), "rare": too_few, "none": []}
    points = OperatingPoints.measure(scores, [False] * 1099, rate=0.02)
    assert points.thresholds["rare"] == points.thresholds["large"] and "none" not in points.thresholds
    measured = OperatingPoints.measure({**scores, "rare": [*too_few, too_few[0]]}, [False] * 1100, rate=0.02)
    assert measured.thresholds["rare"] == pytest.approx(-9)


def test_scores_are_shifted_to_one_half(points):
    for name in ("large", "small"):
        threshold = points.thresholds[name]
        for distance in (-3.0, -0.01, 0.0, 0.01, 3.0):
            (decision,) = probabilities([threshold + distance])
            score, _ = points.score(decision, name, False)
            assert score == pytest.approx(1 / (1 + math.exp(-distance)), abs=1e-6)
    (decision,) = probabilities([5.5])  # suspicious of a large image, usual for a small one
    assert points.score(decision, "large", False)[0] > 0.5 > points.score(decision, "small", False)[0]
    for extreme in (0.0, 1.0):
        assert 0 < points.score(extreme, "large", False)[0] < 1


def test_how_rare_a_score_is(points):
    """Among 1000, counting the image itself and, where a copy-move scores as high, those with one."""
    for logits, higher in ((0.0, 500), (4.5, 50), (4.95, 5), (9.0, 0)):
        (decision,) = probabilities([logits - 1e-4])
        _, rarity = points.score(decision, "large", False)
        share = (higher + 1) / 1001 + (0.005 if higher > 5 else 0)
        assert rarity.one_in == pytest.approx(1 / share, rel=1e-3), logits
        assert rarity.kind == "large" and rarity.images == 1000
    _, rarest = points.score(1.0, "large", False)
    assert rarest.one_in == 1001  # rarer was not measured
    assert points.score(0.0, "large", False)[1].one_in == 1.0


def test_scores_and_rarity_rise_together(points):
    pairs = [points.score(p, "small", False) for p in np.linspace(0, 1, 200)]
    scores, rarities = [score for score, _ in pairs], [rarity.one_in for _, rarity in pairs]
    assert scores == sorted(scores) and rarities == sorted(rarities)


def test_a_copy_move_counts_as_the_score_that_is_as_rare(points):
    (low,) = probabilities([-4.0])
    score, rarity = points.score(low, "large", True)
    equally_rare = np.quantile(LARGE, 0.995)
    assert (
        score == pytest.approx(1 / (1 + math.exp(points.thresholds["large"] - equally_rare)), abs=1e-6) and score > 0.5
    )
    # 5 in 1000 by the network, and the 5 in 1000 with a copy-move.
    assert rarity.one_in == pytest.approx(1 / (6 / 1001 + 0.005), rel=1e-3)
    (high,) = probabilities([4.99])
    assert points.score(high, "large", True)[0] == pytest.approx(points.score(high, "large", False)[0])


def test_a_frequent_copy_move_is_not_said_to_be_rare():
    """Copy-moves in 1 of 20 untouched images: called manipulated all the same, but 1 in about 17 is said."""
    moves = [True] * 50 + [False] * 950
    points = OperatingPoints.measure({"large": probabilities(LARGE)}, moves, rate=0.02)
    score, rarity = points.score(0.01, "large", True)
    assert score > 0.5
    assert rarity.one_in == pytest.approx(1 / (0.05 + 0.01), rel=0.05)


def test_a_kind_that_was_not_measured_is_held_to_the_strictest(points):
    (decision,) = probabilities([points.thresholds["small"] - 0.1])
    score, rarity = points.score(decision, "huge", False)
    assert score < 0.5 and rarity.kind == "huge, held to small"


def test_to_and_from_a_checkpoint(points):
    metadata = json.loads(json.dumps(points.to_metadata()))
    restored = OperatingPoints.from_metadata({KEY: {**metadata, "measured_on": "photos"}, "classes": ["splice"]})
    assert restored.thresholds == points.thresholds and restored.copy_move_rate == points.copy_move_rate
    assert restored.technique_margin == points.technique_margin == 0.0
    assert np.allclose(restored.logits["small"], points.logits["small"], atol=1e-4)
    for decision in (0.1, 0.9, 0.99):
        scores = [operating_points.score(decision, "small", True)[0] for operating_points in (restored, points)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert OperatingPoints.from_metadata({}) is None and OperatingPoints.from_metadata({KEY: None}) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"classes": {}}, {"classes": [1]}, {"copy_move_rate": 0.0}, {"copy_move_rate": "x"}, {"technique_margin": None},
        {"classes": {"large": {"threshold": 1.0, "logits": []}}}, {"classes": {"large": {"logits": [1.0]}}},
        {"classes": {"large": {"threshold": float("nan"), "logits": [1.0]}}},
        {"classes": {"large": {"threshold": 1.0, "logits": [[1.0], [2.0]]}}},
    ],
)  # fmt: skip
def test_damaged_points_are_one_clear_line(points, damage):
    for entry in ({**points.to_metadata(), **damage}, 5, [1]):
        with pytest.raises(UserError, match="operating points are damaged") as error:
            OperatingPoints.from_metadata({KEY: entry})
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("one_in, words", [(1.26, "1 in 1.3 "), (10.4, "1 in 10 "), (249.6, "1 in 250 ")])
def test_rarity_in_words(one_in, words):
    text = str(Rarity("large", one_in, 1000))
    assert text.startswith(words) and text.endswith("scores as high (large; 1000 measured)")


def test_logits_are_finite():
    assert logit(0.5) == 0 and logit(0.75) == pytest.approx(math.log(3))
    assert logit(0.0) < -13 and logit(1.0) > 13


def test_margin_from_which_a_technique_is_right_often_enough():
    """100 detections with margins 1.00, 0.99, ...: the 60 surest are right, of the others every second."""
    margins = [1 - i / 100 for i in range(100)]
    right = [i < 60 or i % 2 == 0 for i in range(100)]
    assert margin_at(margins, right, 0.8) == pytest.approx(0.01)  # 80 of 100
    assert margin_at(margins, right, 0.9) == pytest.approx(1 - 74 / 100)  # 68 of 75 at the 75th: 60 + 8
    assert margin_at(margins, [False] * 100) > 1  # never
    shuffled = np.random.default_rng(0).permutation(100)
    assert margin_at([margins[i] for i in shuffled], [right[i] for i in shuffled], 0.9) == pytest.approx(0.26)


def test_a_margin_needs_enough_detections():
    margins = list(np.linspace(0.9, 0.5, LEAST_NAMED))
    assert margin_at(margins, [True] * LEAST_NAMED) == 0.5
    assert margin_at(margins[1:], [True] * (LEAST_NAMED - 1)) > 1
    assert margin_at([], []) > 1


def test_a_margin_holds_for_all_that_share_it():
    """Equal margins: all of them are named, or none; here 20 are right of 40."""
    assert margin_at([0.5] * 40, [True] * 20 + [False] * 20) > 1
