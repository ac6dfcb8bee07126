"""Pixel metrics against scikit-learn and against cases worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, matthews_corrcoef, precision_recall_curve, roc_curve

from constrained_rcnn.benchmarks.metrics import benchmark_maps, reference_metrics
from constrained_rcnn.evaluation.metrics import score_curve
from constrained_rcnn.evaluation.metrics.pixel import PIXEL_METRICS, authentic_counts, fixed_metrics, score_map_metrics
from constrained_rcnn.evaluation.metrics.score_curve import GRID

MAPS = {kind: (score_map, truth) for kind, score_map, truth in benchmark_maps(120, 90, seed=3)}
DTYPES = ("float32", "float64")


def compare(score_map, truth, tolerance):
    metrics = score_map_metrics(score_map, truth)
    for name, value in reference_metrics(score_map, truth).items():
        assert metrics[name] == pytest.approx(value, abs=tolerance), name
    predicted = score_map.ravel() > 0.5
    assert metrics["iou_fixed"] == pytest.approx(jaccard_score(truth.ravel(), predicted, zero_division=0))
    assert metrics["mcc_fixed"] == pytest.approx(matthews_corrcoef(truth.ravel(), predicted), abs=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", MAPS)
def test_agrees_with_scikit_learn_exactly_when_sorted(kind, dtype):
    score_map, truth = MAPS[kind]
    compare(score_map.astype(dtype), truth, 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", MAPS)
def test_agrees_with_scikit_learn_when_binned(kind, dtype, monkeypatch):
    monkeypatch.setattr(score_curve, "EXACT_PIXELS", 0)
    score_map, truth = MAPS[kind]
    compare(score_map.astype(dtype), truth, score_curve.TOLERANCE)


@pytest.mark.parametrize("low, high", [(0.3, 0.3 + 1e-6), (0.5, 0.5 + 1e-6), (1 - 1e-6, 1.0), (0.0, 1e-38)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_binning_resolves_values_that_lie_close_together(low, high, dtype, monkeypatch):
    monkeypatch.setattr(score_curve, "EXACT_PIXELS", 0)
    rng = np.random.default_rng(0)
    truth = rng.random((100, 100)) < 0.2
    score_map = (low + (high - low) * np.clip(rng.random((100, 100)) * 0.8 + 0.2 * truth, 0, 1)).astype(dtype)
    compare(score_map, truth, score_curve.TOLERANCE)


def test_maps_of_more_than_one_counting_block_are_counted_whole(monkeypatch):
    monkeypatch.setattr(score_curve, "EXACT_PIXELS", 0)
    monkeypatch.setattr(score_curve, "CHUNK_PIXELS", 64)
    monkeypatch.setattr(score_curve, "COUNT_PIXELS", 1000)
    score_map, truth = MAPS["informed"]
    compare(score_map, truth, score_curve.TOLERANCE)


def test_best_threshold_reaches_the_best_f1(monkeypatch):
    score_map, truth = MAPS["informed"]
    for pixels in (1 << 20, 0):
        monkeypatch.setattr(score_curve, "EXACT_PIXELS", pixels)
        metrics = score_map_metrics(score_map, truth)
        predicted = score_map >= metrics["f1_best_threshold"]
        tp, fp, fn = (predicted & truth).sum(), (predicted & ~truth).sum(), (~predicted & truth).sum()
        assert metrics["f1_best"] == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-12)


def test_case_worked_by_hand():
    score_map = np.array([[0.9, 0.8, 0.6], [0.6, 0.2, 0.1]], np.float32)
    truth = np.array([[1, 0, 1], [0, 0, 1]], bool)
    metrics = score_map_metrics(score_map, truth)
    assert [metrics[name] for name in ("tp", "fp", "fn", "tn")] == [2, 2, 1, 1]
    # Thresholds 0.9, 0.8, 0.6, 0.2, 0.1 give F1 2/4, 2/5, 4/7, 4/8, 6/9.
    assert metrics["f1_best"] == pytest.approx(6 / 9)
    assert metrics["f1_best_threshold"] == pytest.approx(0.1)
    assert metrics["f1_fixed"] == pytest.approx(4 / 7)
    assert metrics["iou_fixed"] == pytest.approx(2 / 5)
    assert metrics["mcc_fixed"] == pytest.approx((2 * 1 - 2 * 1) / math.sqrt(4 * 3 * 3 * 2))
    # Pairs won: 0.9 beats 3, 0.6 beats 0.2 and ties with 0.6, 0.1 beats none: 4.5 of 9.
    assert metrics["auc"] == pytest.approx(4.5 / 9)
    assert metrics["f1_floor"] == pytest.approx(2 * 0.5 / 1.5)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("pixels", [1 << 20, 0])
def test_a_constant_map_knows_nothing(value, pixels, monkeypatch):
    monkeypatch.setattr(score_curve, "EXACT_PIXELS", pixels)
    truth = MAPS["random"][1]
    area = truth.mean()
    metrics = score_map_metrics(np.full(truth.shape, value, np.float32), truth)
    assert metrics["auc"] == 0.5
    assert metrics["f1_best"] == pytest.approx(metrics["f1_floor"]) == pytest.approx(2 * area / (1 + area))
    assert metrics["f1_fixed"] == pytest.approx(metrics["f1_floor"] if value > 0.5 else 0)
    assert metrics["mcc_fixed"] == 0


def test_perfect_and_inverted_maps():
    truth = MAPS["random"][1]
    assert score_map_metrics(truth, truth)["f1_best"] == score_map_metrics(truth, truth)["auc"] == 1
    assert score_map_metrics(~truth, truth)["auc"] == 0
    inverted = score_map_metrics(~truth, truth, invert="max")
    assert [inverted[name] for name in PIXEL_METRICS[:5]] == [1] * 5


def test_invert_max_takes_the_better_polarity_of_each_metric():
    score_map, truth = MAPS["informed"]
    plain = score_map_metrics(1 - score_map, truth)
    flipped = score_map_metrics(score_map, truth)
    best = score_map_metrics(1 - score_map, truth, invert="max")
    for name in PIXEL_METRICS:
        assert best[name] == pytest.approx(max(plain[name], flipped[name]), abs=1e-6), name
    levels = np.array([[0, 32767, 32768, 65535]], np.uint16)  # 1 - score > 0.5 for the first two only
    on_levels = score_map_metrics(levels, np.array([[1, 1, 0, 0]], bool), invert="max")
    assert on_levels["f1_fixed"] == 1 and on_levels["auc"] == 1


def test_half_is_not_over_half():
    truth = np.array([[1, 0]], bool)
    for score_map in (
        np.float32([[0.5, 0.5]]),
        np.float64([[0.5, 0.5]]),
        np.uint16([[32767, 32767]]),
        np.uint8([[127, 127]]),
    ):
        assert score_map_metrics(score_map, truth)["tp"] == 0
    for score_map in (np.float32([[0.50001, 0]]), np.uint16([[32768, 0]]), np.uint8([[128, 0]])):
        assert score_map_metrics(score_map, truth)["f1_fixed"] == 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_integer_maps_count_as_fractions_of_their_range(dtype):
    score_map, truth = MAPS["informed"]
    top = np.iinfo(dtype).max
    levels = np.round(score_map * top).astype(dtype)
    of_levels, fraction = score_map_metrics(levels, truth), score_map_metrics(levels / top, truth)
    assert of_levels == pytest.approx(fraction)


def test_one_class_masks_are_undefined():
    score_map = MAPS["random"][0]
    for truth in (np.zeros(score_map.shape, bool), np.ones(score_map.shape, bool)):
        metrics = score_map_metrics(score_map, truth)
        assert all(math.isnan(metrics[name]) for name in (*PIXEL_METRICS, "f1_best_threshold"))
        assert metrics["tp"] + metrics["fp"] == np.count_nonzero(score_map > 0.5)


def test_ignored_pixels_count_neither_way():
    score_map, truth = MAPS["informed"]
    ignore = np.random.default_rng(1).random(truth.shape) < 0.3
    expected = score_map_metrics(score_map[~ignore][None], truth[~ignore][None])
    assert score_map_metrics(score_map, truth, ignore=ignore) == expected
    all_ignored = score_map_metrics(score_map, truth, ignore=np.ones_like(truth))
    assert math.isnan(all_ignored["auc"]) and all_ignored["tp"] == 0


def test_memory_order_and_minus_zero_do_not_matter(monkeypatch):
    score_map, truth = MAPS["informed"]
    expected = score_map_metrics(score_map, truth)
    assert score_map_metrics(np.asfortranarray(score_map), truth) == expected
    assert score_map_metrics(score_map.T, truth.T) == pytest.approx(expected)
    zeros = np.where(score_map < 0.5, -0.0, score_map).astype(np.float32)
    for pixels in (1 << 20, 0):
        monkeypatch.setattr(score_curve, "EXACT_PIXELS", pixels)
        assert score_map_metrics(zeros, truth) == score_map_metrics(np.abs(zeros), truth)


def test_inputs_are_left_alone(monkeypatch):
    monkeypatch.setattr(score_curve, "EXACT_PIXELS", 0)
    score_map, truth = MAPS["tied (8 bit)"]
    copies = score_map.copy(), truth.copy()
    score_map_metrics(score_map, truth, invert="max")
    assert np.array_equal(score_map, copies[0]) and np.array_equal(truth, copies[1])


@pytest.mark.parametrize(
    "score_map, truth, words",
    [
        (np.full((2, 2), np.nan, np.float32), np.ones((2, 2), bool), "NaN"),
        (np.array([[0, np.inf]]), np.ones((1, 2), bool), "infinite"),
        (np.array([[0.0, 1.5]]), np.ones((1, 2), bool), "0 to 1.5"),
        (np.array([[-0.1, 1.0]]), np.ones((1, 2), bool), "-0.1"),
        (np.zeros((2, 3)), np.ones((3, 2), bool), "shape"),
        (np.zeros((2, 3)), np.ones((2, 3), np.uint8), "boolean"),
        (np.zeros((2, 3), np.int64), np.ones((2, 3), bool), "int64"),
        (np.zeros((0, 3)), np.ones((0, 3), bool), "without zeros"),
        (np.zeros(3), np.ones(3, bool), "(height, width)"),
    ],
)
def test_bad_input_is_named(score_map, truth, words):
    with pytest.raises(ValueError) as error:
        score_map_metrics(score_map, truth)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_authentic_counts():
    assert authentic_counts(np.float32([[0.5, 0.6], [0.1, 1]])) == {"tp": 0, "fp": 2, "fn": 0, "tn": 2}
    with pytest.raises(ValueError):
        authentic_counts(np.float32([[np.nan]]))


def test_fixed_metrics_survive_large_counts_and_nothing():
    half = 3 * 10**9
    assert fixed_metrics(half, half, half, half)["mcc_fixed"] == 0
    assert fixed_metrics(half, 0, 0, half)["mcc_fixed"] == pytest.approx(1)
    assert all(math.isnan(value) for value in fixed_metrics(0, 0, 0, 5).values())


@pytest.mark.parametrize("kind", ["random", "tied", "perfect", "constant", "inverse"])
def test_sampled_curves_agree_with_scikit_learn(kind):
    rng = np.random.default_rng(4)
    truth = rng.random(3000) < 0.2
    scores = {
        "random": rng.random(3000) * 0.7 + 0.3 * truth,
        "tied": np.round(rng.random(3000) * 0.7 + 0.3 * truth, 1),
        "perfect": truth.astype(float),
        "constant": np.full(3000, 0.25),
        "inverse": 1.0 - truth,
    }[kind].astype(np.float32)
    curves = {}
    score_map_metrics(scores.reshape(50, 60), truth.reshape(50, 60), curves=curves)
    false_rates, true_rates, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert curves["roc"] == pytest.approx(np.interp(GRID, false_rates, true_rates), abs=1e-4)
    precision, recall, _ = precision_recall_curve(truth, scores)
    # scikit-learn's last point (recall 0, precision 1) belongs to no threshold.
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    expected = precision[np.searchsorted(recall, GRID - 1e-12)]
    assert curves["pr"] == pytest.approx(expected, abs=1e-4)
    empty = {}
    score_map_metrics(scores.reshape(50, 60), np.zeros((50, 60), bool), curves=empty)
    assert empty == {}
