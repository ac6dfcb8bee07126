"""Score maps as sorted groups of equal scores: the base of every threshold-free metric (NumPy only).

The tests compare with scikit-learn's ``roc_auc_score`` and ``precision_recall_curve``. They sort every pixel of a map
in float64, more than twenty times as slow on images of 21 megapixels, and would be a large dependency of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

#: Maps up to this many pixels are sorted exactly; larger ones go through a histogram first.
EXACT_PIXELS = 1 << 20
#: Largest deviation that the histogram may leave in the area under the ROC curve or the best F1. What could
#: exceed it is sorted exactly, so it is a bound and not a hope.
TOLERANCE = 5e-5
#: The histogram's bins are the upper bits of a float32: up to 0.5 of the score, above of one minus the score,
#: counted from the other end. Equal steps would fail on maps whose mass lies near 0 or 1; these bins get
#: finer there.
BIN_SHIFT = 10
HALF_BIN = int(np.float32(0.5).view(np.uint32)) >> BIN_SHIFT
BINS = 2 * HALF_BIN + 1
#: Pixels that are turned into bins at a time (they stay in the cache), and counted at a time (each count
#: touches every bin once). Both were measured: together they halve the time.
CHUNK_PIXELS = 1 << 17
COUNT_PIXELS = 1 << 21
#: Where curves that are kept for drawing are sampled.
GRID = np.linspace(0, 1, 41)


class ScoreCurve(NamedTuple):
    """Pixels grouped by equal score, highest score first.

    Attributes:
        thresholds: (K,) float64 in [0, 1], strictly falling. Group k holds the pixels whose score equals
            ``thresholds[k]``; in a binned group it is the lowest float32 that falls into it, so that
            "score >= thresholds[k]" is exactly "groups 0 to k".
        positives: (K,) int64, manipulated pixels of each group.
        negatives: (K,) int64, authentic pixels of each group.
    """

    thresholds: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    def inverted(self) -> ScoreCurve:
        """The curve of one minus the map."""
        return ScoreCurve(1.0 - self.thresholds[::-1], self.positives[::-1], self.negatives[::-1])


def score_curve(scores: np.ndarray, truth: np.ndarray) -> ScoreCurve:
    """Groups pixels by score.

    Args:
        scores: (N,) float32 or float64 in [0, 1], or uint8 or uint16 that spans its whole range (65535 is 1).
        truth: (N,) bool, True = manipulated.

    Returns:
        The curve: exact for integers and for up to ``EXACT_PIXELS`` pixels, within ``TOLERANCE`` above.
    """
    if scores.dtype.kind == "u":
        levels = np.iinfo(scores.dtype).max + 1
        counts = _count(scores, truth, levels, lambda chunk: chunk)
        levels_present = np.flatnonzero(counts.any(axis=1))[::-1]
        return ScoreCurve(levels_present / (levels - 1.0), counts[levels_present, 1], counts[levels_present, 0])
    if scores.size <= EXACT_PIXELS:
        return _sorted_curve(scores, truth)
    return _binned_curve(scores, truth)


def area_under_roc(curve: ScoreCurve) -> float:
    """Area under the ROC curve by trapezoids: a group of equal scores is one straight line.

    Returns:
        A number in [0, 1], or NaN where all pixels are of one class.
    """
    positives, negatives = int(curve.positives.sum()), int(curve.negatives.sum())
    if not positives or not negatives:
        return float("nan")
    above = np.cumsum(curve.positives) - 0.5 * curve.positives
    return float(np.dot(curve.negatives.astype(np.float64), above) / (float(positives) * negatives))


def sampled_curves(curve: ScoreCurve) -> dict[str, list[float]]:
    """ROC and precision-recall curve at the places of ``GRID``, small enough to keep per image.

    Args:
        curve: with pixels of both classes.

    Returns:
        ``roc``: true positive rate at each false positive rate of the grid, by straight lines between
        thresholds; ``pr``: precision at the highest threshold that reaches each recall. In [0, 1], rounded to
        4 digits.
    """
    hits, false_alarms = (np.concatenate([[0], np.cumsum(side)]) for side in (curve.positives, curve.negatives))
    # A few look-ups in the sums: np.interp over a million thresholds would take longer than the metrics.
    alarms = GRID * false_alarms[-1]
    upper = np.minimum(np.searchsorted(false_alarms, alarms, side="right"), len(false_alarms) - 1)
    lower = upper - 1
    share = (alarms - false_alarms[lower]) / np.maximum(false_alarms[upper] - false_alarms[lower], 1)
    rates = (hits[lower] + np.minimum(share, 1) * (hits[upper] - hits[lower])) / hits[-1]
    rates = np.where(alarms >= false_alarms[-1], 1.0, rates)
    first = np.maximum(np.searchsorted(hits, GRID * hits[-1]), 1)
    precision = hits[first] / (hits[first] + false_alarms[first])
    return {"roc": np.round(rates, 4).tolist(), "pr": np.round(precision, 4).tolist()}


def best_f1(curve: ScoreCurve) -> tuple[float, float]:
    """Highest F1 = 2 TP / (2 TP + FP + FN) over the predictions "score >= threshold".

    Returns:
        F1 in [0, 1] and its threshold (the highest one, where several reach it); both NaN where nothing is
        manipulated.
    """
    positives = int(curve.positives.sum())
    if not positives:
        return float("nan"), float("nan")
    hits = np.cumsum(curve.positives)
    f1 = 2.0 * hits / (positives + hits + np.cumsum(curve.negatives))
    best = int(np.argmax(f1))
    return float(f1[best]), float(curve.thresholds[best])


def _sorted_curve(scores: np.ndarray, truth: np.ndarray) -> ScoreCurve:
    """The exact curve. Bits of floats in [0, 1] sort like the floats; the truth is the lowest bit."""
    keys = _bits(scores) << 1
    keys |= truth
    keys.sort()
    values = keys >> 1
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    sizes = np.diff(starts, append=len(keys))
    positives = np.add.reduceat((keys & 1).astype(np.int64), starts)
    thresholds = values[starts].view(scores.dtype).astype(np.float64)
    return ScoreCurve(thresholds[::-1], positives[::-1], (sizes - positives)[::-1])


def _binned_curve(scores: np.ndarray, truth: np.ndarray) -> ScoreCurve:
    """The curve from a histogram, in which bins too coarse for ``TOLERANCE`` are replaced by exact groups."""
    if scores.min() == scores.max():
        return _sorted_curve(scores[:1], truth[:1])._replace(
            positives=np.array([np.count_nonzero(truth)]), negatives=np.array([np.count_nonzero(~truth)])
        )
    counts = _count(scores, truth, BINS, _bin_of)
    coarse = _coarse_bins(counts)
    if coarse.any():
        coarse &= _mixed_bins(scores, coarse)
    bins_present = np.flatnonzero(counts.any(axis=1) & ~coarse)[::-1]
    curve = ScoreCurve(_bin_edges(bins_present), counts[bins_present, 1], counts[bins_present, 0])
    if not coarse.any():
        return curve
    inside = [coarse[_bin_of(chunk)] for chunk in _chunks(scores)]
    values_inside = [np.concatenate([c[i] for c, i in zip(_chunks(a), inside)]) for a in (scores, truth)]
    exact = _sorted_curve(*values_inside)
    order = np.argsort(-np.concatenate([curve.thresholds, exact.thresholds]), kind="stable")
    return ScoreCurve(*(np.concatenate(pair)[order] for pair in zip(curve, exact)))


def _mixed_bins(scores: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """(BINS,) bool: the candidate bins that hold more than one value. The others are exact groups already,
    which spares maps of few values (constant, 8-bit) the sort."""
    value = np.full(BINS, -1, scores.dtype)
    mixed = np.zeros(BINS, bool)
    for chunk in _chunks(scores):
        bins = _bin_of(chunk)
        inside = candidates[bins]
        if not inside.all():
            chunk, bins = chunk[inside], bins[inside]
        expected = value[bins]
        if (is_new := expected < 0).any():
            value[bins[is_new]] = chunk[is_new]  # any one of a bin's values will do
            expected = value[bins]
        mixed[bins[chunk != expected]] = True
    return mixed


def _coarse_bins(counts: np.ndarray) -> np.ndarray:
    """(BINS,) bool: the bins whose inner order could move a metric by more than ``TOLERANCE``.

    Grouping a bin changes the area by at most half its share of (manipulated, authentic) pairs, and hides no
    F1 above that of its manipulated pixels all coming first.
    """
    negatives, positives = counts[:, 0], counts[:, 1]
    n, p = max(int(negatives.sum()), 1), max(int(positives.sum()), 1)
    coarse = np.zeros(len(counts), bool)

    area = 0.5 * (positives / p) * (negatives / n)
    order = np.argsort(area, kind="stable")
    coarse[order[np.cumsum(area[order]) > TOLERANCE]] = True

    hits, false_alarms = np.cumsum(positives[::-1])[::-1], np.cumsum(negatives[::-1])[::-1]
    reached = (2.0 * hits / (p + hits + false_alarms)).max()
    hidden = 2.0 * hits / (p + hits + false_alarms - negatives)
    coarse |= (negatives > 0) & (positives > 0) & (hidden > reached + TOLERANCE)
    return coarse


def _count(scores: np.ndarray, truth: np.ndarray, bins: int, bin_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(bins, 2) int64: authentic and manipulated pixels per bin; in chunks, so that memory stays small."""
    counts = np.zeros(2 * bins, np.int64)
    index = np.empty(min(scores.size, COUNT_PIXELS), np.intp)
    for start in range(0, scores.size, COUNT_PIXELS):
        part, labels = scores[start : start + COUNT_PIXELS], truth[start : start + COUNT_PIXELS]
        for target, chunk, label in zip(_chunks(index), _chunks(part), _chunks(labels)):
            target[: len(chunk)] = bin_of(chunk)
            target <<= 1
            target[: len(chunk)] |= label
        counts += np.bincount(index[: len(part)], minlength=2 * bins)
    return counts.reshape(bins, 2)


def _chunks(values: np.ndarray) -> list[np.ndarray]:
    return [values[i : i + CHUNK_PIXELS] for i in range(0, values.size, CHUNK_PIXELS)]


def _bits(scores: np.ndarray) -> np.ndarray:
    """Bit patterns of floats in [0, 1], as unsigned integers of their width. The sign of -0.0 is dropped."""
    kind = np.dtype(f"u{scores.dtype.itemsize}")
    return scores.view(kind) & kind.type(np.iinfo(kind).max >> 1)


def _bin_of(scores: np.ndarray) -> np.ndarray:
    """Histogram bin of each float in [0, 1], int32, rising with the score."""
    # 1 - score is exact above 0.5, where the score itself would have lost the fine differences.
    folded = 1 - scores
    np.minimum(folded, scores, out=folded)
    bins = folded.astype(np.float32, copy=False).view(np.int32)
    bins &= 0x7FFFFFFF  # the sign of -0.0
    bins >>= BIN_SHIFT
    upper = (scores > 0.5).astype(np.int32)
    upper *= 2 * HALF_BIN
    upper -= bins
    return np.abs(upper, out=upper)


def _bin_edges(bins: np.ndarray) -> np.ndarray:
    """Lowest float32 score of each bin, as float64."""
    upper = bins > HALF_BIN
    bits = np.where(upper, ((2 * HALF_BIN + 1 - bins) << BIN_SHIFT) - 1, bins << BIN_SHIFT)
    edges = bits.astype(np.uint32).view(np.float32).astype(np.float64)
    return np.where(upper, 1.0 - edges, edges)
