"""How sure a number is: bootstrap intervals over source pictures, and paired comparison of two runs (NumPy only).

Whole groups are drawn, because images of one source picture are not independent evidence; where a dataset names
no groups, each image is its own. Every metric is written as a function of image weights, so one set of draws
serves all of them, and equal weights give back the metric itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .pixel import COUNTS, FIXED_THRESHOLD, NAN, PIXEL_METRICS
from .records import PLAIN, MetricVariants

#: Probability that an interval covers, number of draws, and their seed.
LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
#: Draws that are worked on at a time, so that memory stays small.
CHUNK = 100


def confidence_intervals(
    records: Sequence[dict], variants: MetricVariants = PLAIN, *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Any]:
    """Percentile bootstrap intervals of every metric.

    Args:
        records: what :func:`.records.image_record` returns, each image once.
        variants: those the records were made with.
        resamples: number of draws.
        seed: of the draws; the same seed gives the same intervals.

    Returns:
        ``intervals``: metric -> (lower, upper) in the metric's own unit, NaN where it is undefined or fewer
        than two groups are behind it. ``bootstrap``: ``level``, ``resamples``, ``seed``, ``over`` ("source
        groups" or "images") and ``n_groups``.
    """
    statistics, labels = WeightedMetrics(records, variants), group_labels(records)
    number = int(labels.max(initial=-1)) + 1
    draws = [statistics(weights) for weights in draw_weights(labels, resamples, seed)] if number > 1 else []
    few = statistics.names_with_few_groups(labels)
    intervals = {}
    for name in statistics.names:
        undefined = not draws or name in few
        intervals[name] = (NAN, NAN) if undefined else percentiles(np.concatenate([d[name] for d in draws]))
    over = "source groups" if number < len(records) else "images"
    about = {"level": LEVEL, "resamples": resamples, "seed": seed, "over": over, "n_groups": number}
    return {"intervals": intervals, "bootstrap": about}


def bootstrap_interval(
    values: Sequence[float], groups: Sequence | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean.

    Args:
        values: (N,) metric per image; NaN is left out.
        groups: (N,) label of each image's source picture, or None: each image is its own.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        (lower, upper); both NaN with fewer than two groups.
    """
    values = np.asarray(values, np.float64)
    labels = np.arange(len(values)) if groups is None else np.asarray(groups)
    defined = ~np.isnan(values)
    values, labels = values[defined], np.unique(labels[defined], return_inverse=True)[1]
    if len(np.unique(labels)) < 2:
        return NAN, NAN
    means = [w @ values / w.sum(axis=1) for w in draw_weights(labels, resamples, seed)]
    return percentiles(np.concatenate(means))


def compare(
    first: Sequence[dict],
    second: Sequence[dict],
    variants: MetricVariants = PLAIN,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, Any]]:
    """Paired comparison of two runs over the same images: both are judged on the same draws.

    Args:
        first, second: records of the two runs, aligned: equal ``image_id`` at equal places.
        variants: those both were made with.
        resamples, seed: as in :func:`confidence_intervals`.

    Returns:
        metric -> ``first``, ``second`` (values), ``difference`` (second minus first), ``interval`` (lower,
        upper) of the difference, ``real``: True where the interval leaves zero out, None where undefined.

    Raises:
        ValueError: the images differ.
    """
    if [r["image_id"] for r in first] != [r["image_id"] for r in second]:
        raise ValueError("the two runs are not over the same images in the same order")
    labels = group_labels(first)
    metrics = [WeightedMetrics(records, variants) for records in (first, second)]
    values = [statistics(np.ones((1, len(first)))) for statistics in metrics]
    names = [name for name in metrics[0].names if name in metrics[1].names]
    few = metrics[0].names_with_few_groups(labels) | metrics[1].names_with_few_groups(labels)
    draws: dict[str, list] = {name: [] for name in names}
    if labels.max(initial=-1) > 0:
        for weights in draw_weights(labels, resamples, seed):
            before, after = (statistics(weights) for statistics in metrics)
            for name in names:
                draws[name].append(after[name] - before[name])
    result = {}
    for name in names:
        a, b = (float(v[name][0]) for v in values)
        undefined = name in few or not draws[name]
        lower, upper = (NAN, NAN) if undefined else percentiles(np.concatenate(draws[name]))
        real = None if np.isnan([a, b, lower, upper]).any() else bool(lower > 0 or upper < 0)
        result[name] = {"first": a, "second": b, "difference": b - a, "interval": (lower, upper), "real": real}
    return result


def group_labels(records: Sequence[dict]) -> np.ndarray:
    """(N,) int64, 0-based: equal where images are of one source group; an image without a group is its own."""
    keys = [("image", index) if r.get("group") is None else ("group", r["group"]) for index, r in enumerate(records)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int64)


def draw_weights(labels: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image stands in each draw.

    Args:
        labels: (N,) from :func:`group_labels`; G groups.
        resamples: number of draws, of G groups each, with replacement.
        seed: of the draws.

    Yields:
        (R, N) float64 counts, R up to ``CHUNK``.
    """
    number = int(labels.max()) + 1
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        rows = min(CHUNK, resamples - start)
        drawn = rng.integers(number, size=(rows, number)) + number * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * number).reshape(rows, number)
        yield counts[:, labels].astype(np.float64)


class WeightedMetrics:
    """The metrics of :func:`.summary.summarise` as functions of image weights."""

    def __init__(self, records: Sequence[dict], variants: MetricVariants = PLAIN):
        """
        Args:
            records: of N images.
            variants: those the records were made with.
        """
        authentic = np.array([r["authentic"] for r in records], bool)
        usable = np.array([not r["skipped"] for r in records], bool)
        self._manipulated = ~authentic
        forged, clean = usable & ~authentic, usable & authentic
        #: metric -> (numerators (N,), denominators (N,)): the metric is the ratio of their weighted sums.
        self._ratios: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        columns = {name: _column(records, name, forged) for name in PIXEL_METRICS}
        for name, values in columns.items():
            zeros = clean if variants.authentic_as_zero and name in ("f1_best", "f1_fixed") else np.False_
            self._ratios[name] = _ratio(values, ~np.isnan(values) | zeros)
        everywhere = np.ones(len(records), bool)
        counts = {name: np.nan_to_num(_column(records, name, everywhere)) for name in COUNTS}
        wrong = counts["fp"] + counts["fn"]
        self._ratios["f1_pooled"] = (2 * counts["tp"], 2 * counts["tp"] + wrong)
        self._positives = counts["tp"] + counts["fn"]
        area = counts["fp"] / np.maximum(counts["fp"] + counts["tn"], 1)
        self._ratios["false_alarm_area"] = (area * clean, clean.astype(float))

        self._scores = np.array([NAN if r["score"] is None else r["score"] for r in records], np.float64)
        self._order = np.argsort(-self._scores, kind="stable")[: int((~np.isnan(self._scores)).sum())]
        for technique in sorted({r["technique"] for r in records if not r["authentic"]}):
            here = np.array([r["technique"] == technique for r in records]) & ~authentic
            for name in PIXEL_METRICS:
                values = np.where(here, columns[name], NAN)
                self._ratios[f"{name}/{technique}"] = _ratio(values, ~np.isnan(values))
        # One product with all of them is several times as fast as one with each.
        self._columns = np.stack([column for part in zip(*self._ratios.values()) for column in part], axis=1)
        self._paper = {}
        if variants.paper:
            predicted = [r["predicted"] for r in records]
            for name in ("f1_best", "auc"):
                self._paper[f"paper_{name}"] = [
                    _ratio(values, ~np.isnan(values))
                    for label in sorted({p for p in predicted if p is not None})
                    for values in [np.where([p == label for p in predicted], columns[name], NAN)]
                ]

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics, by the names of :func:`.summary.summarise`."""
        return (*self._ratios, "image_auc", "image_f1", "image_bacc", *self._paper)

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """
        Args:
            weights: (R, N) float64 >= 0, how often each image counts.

        Returns:
            metric -> (R,) float64, NaN where undefined.
        """
        sums = weights @ self._columns
        tops, bottoms = sums[:, : len(self._ratios)], sums[:, len(self._ratios) :]
        result = {name: _divided(tops[:, i], bottoms[:, i]) for i, name in enumerate(self._ratios)}
        # Without a manipulated pixel F1 is undefined, even where something was predicted.
        result["f1_pooled"] = np.where(weights @ self._positives > 0, result["f1_pooled"], NAN)
        result |= self._image_level(weights)
        for name, ratios in self._paper.items():
            means = np.array([_divided(weights @ top, weights @ bottom) for top, bottom in ratios])
            defined = ~np.isnan(means)
            result[name] = _divided(np.where(defined, means, 0).sum(axis=0), defined.sum(axis=0).astype(float))
        return result

    def names_with_few_groups(self, labels: np.ndarray) -> set[str]:
        """Metrics that fewer than two of the groups have a say in: no spread can be seen.

        A metric that compares authentic with manipulated images needs two groups of each: where there is one
        authentic image, it is in every draw.

        Args:
            labels: (N,) from :func:`group_labels`.
        """
        few = {n for n, (_, bottom) in self._ratios.items() if len(np.unique(labels[bottom > 0])) < 2}
        scored = ~np.isnan(self._scores)
        sides = scored & self._manipulated, scored & ~self._manipulated
        manipulated, authentic = (len(np.unique(labels[side])) for side in sides)
        if min(manipulated, authentic) < 2:
            few |= {"image_auc", "image_bacc"}
        if manipulated < 2:
            few.add("image_f1")
        for name in self._paper:
            if len(np.unique(labels[np.any([b > 0 for _, b in self._paper[name]], axis=0)])) < 2:
                few.add(name)
        return few

    def _image_level(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        scores, manipulated = self._scores[self._order], self._manipulated[self._order]
        weights = weights[:, self._order]
        positive, negative = weights * manipulated, weights * ~manipulated
        p, n = positive.sum(axis=1), negative.sum(axis=1)
        over = scores > FIXED_THRESHOLD
        tp, fp = positive @ over, negative @ over
        both = (p > 0) & (n > 0)
        f1 = _divided(2 * tp, tp + fp + p)
        balanced = 0.5 * (_divided(tp, p) + 1 - _divided(fp, n))
        auc = np.full(len(weights), NAN)
        if len(scores):
            starts = np.concatenate([[0], np.flatnonzero(scores[1:] != scores[:-1]) + 1])
            found, wrong = (np.add.reduceat(side, starts, axis=1) for side in (positive, negative))
            above = np.cumsum(found, axis=1) - 0.5 * found
            auc = _divided((wrong * above).sum(axis=1), p * n)
        named = {"image_auc": auc, "image_f1": f1, "image_bacc": balanced}
        return {name: np.where(both, values, NAN) for name, values in named.items()}


def _column(records: Sequence[dict], name: str, where: np.ndarray) -> np.ndarray:
    """(N,) float64: a pixel metric of the chosen images, NaN elsewhere and where it is undefined (None: JSON)."""
    values = np.full(len(records), NAN)
    for index in map(int, np.flatnonzero(where)):
        value = (records[index]["pixel"] or {}).get(name)
        values[index] = NAN if value is None else value
    return values


def _ratio(values: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nan_to_num(values), np.asarray(counted, np.float64)


def _divided(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(len(top), NAN), where=bottom > 0)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """(lower, upper) of the defined draws."""
    values = values[~np.isnan(values)]
    if not len(values):
        return NAN, NAN
    tail = (1 - LEVEL) / 2
    lower, upper = np.quantile(values, (tail, 1 - tail))
    return float(lower), float(upper)
