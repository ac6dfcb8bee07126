"""How sure a number is: bootstrap intervals over source groups, and paired comparison of two runs (NumPy only).

Whole groups are drawn, because images of one source image are not independent evidence; where a dataset names no
groups, each image is its own. Every metric is a function of image weights (:mod:`.weighted`, :mod:`..coco.confidence`),
so one set of draws serves all of them. ``scipy.stats.bootstrap`` draws single observations, not groups, and calls a
statistic once a draw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .pixel import NAN
from .records import PLAIN, MetricVariants
from .weighted import WeightedMetrics

#: Probability that an interval covers, number of draws, and their seed.
LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
#: Draws that are worked on at a time, so that memory stays small.
CHUNK = 100

#: (R, N) weights -> metric -> (R,) values.
Statistic = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def confidence_intervals(
    records: Sequence[dict], variants: MetricVariants = PLAIN, *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Any]:
    """Percentile bootstrap intervals of every metric of :class:`.weighted.WeightedMetrics`.

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
    undefined = statistics.names_with_few_groups(labels)
    intervals = bootstrap(statistics, statistics.names, labels, undefined=undefined, resamples=resamples, seed=seed)
    number = int(labels.max(initial=-1)) + 1
    over = "source groups" if number < len(records) else "images"
    settings = {"level": LEVEL, "resamples": resamples, "seed": seed, "over": over, "n_groups": number}
    return {"intervals": intervals, "bootstrap": settings}


def bootstrap(
    statistic: Statistic,
    names: Sequence[str],
    labels: np.ndarray,
    *,
    undefined: Collection[str] = (),
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap intervals.

    Args:
        statistic: of N images.
        names: of the metrics that are wanted.
        labels: (N,) from :func:`group_labels`.
        undefined: metrics that get no interval.
        resamples, seed: as in :func:`confidence_intervals`.

    Returns:
        metric -> (lower, upper); NaN where undefined, and everywhere with fewer than two groups.
    """
    draws = [statistic(weights) for weights in draw_weights(labels, resamples, seed)]
    defined = set(names) - set(undefined) if draws else set()
    return {n: percentiles(np.concatenate([d[n] for d in draws])) if n in defined else (NAN, NAN) for n in names}


def bootstrap_interval(
    values: Sequence[float], groups: Sequence | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean.

    Args:
        values: (N,) metric per image; NaN is left out.
        groups: (N,) label of each image's source image, or None: each image is its own.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        (lower, upper); both NaN with fewer than two groups.
    """
    values = np.asarray(values, np.float64)
    labels = np.arange(len(values)) if groups is None else np.asarray(groups)
    defined = ~np.isnan(values)
    values, labels = values[defined], np.unique(labels[defined], return_inverse=True)[1]

    def mean(weights: np.ndarray) -> dict[str, np.ndarray]:
        return {"mean": weights @ values / weights.sum(axis=1)}

    return bootstrap(mean, ["mean"], labels, resamples=resamples, seed=seed)["mean"]


def compare(
    first: Sequence[dict],
    second: Sequence[dict],
    variants: MetricVariants = PLAIN,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, Any]]:
    """Paired comparison of two runs over the same images.

    Args:
        first, second: records of the two runs, aligned: equal ``image_id`` at equal places.
        variants: those both were made with.
        resamples, seed: as in :func:`confidence_intervals`.

    Returns:
        As :func:`paired`.

    Raises:
        ValueError: the images differ.
    """
    if [r["image_id"] for r in first] != [r["image_id"] for r in second]:
        raise ValueError("the two runs are not over the same images in the same order")
    labels = group_labels(first)
    first_metrics, second_metrics = (WeightedMetrics(records, variants) for records in (first, second))
    names = [name for name in first_metrics.names if name in second_metrics.names]
    too_few = first_metrics.names_with_few_groups(labels) | second_metrics.names_with_few_groups(labels)
    return paired(first_metrics, second_metrics, names, labels, undefined=too_few, resamples=resamples, seed=seed)


def paired(
    first: Statistic,
    second: Statistic,
    names: Sequence[str],
    labels: np.ndarray,
    *,
    undefined: Collection[str] = (),
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, Any]]:
    """Paired comparison of two detectors, both measured on the same draws of the same images.

    Args:
        first, second: statistics of the same N images.
        names, labels, undefined, resamples, seed: as in :func:`bootstrap`.

    Returns:
        metric -> ``first``, ``second`` (values), ``difference`` (second minus first), ``interval`` (lower,
        upper) of the difference, ``real``: True where the interval leaves zero out, None where undefined.
    """

    def difference(weights: np.ndarray) -> dict[str, np.ndarray]:
        first_values, second_values = first(weights), second(weights)
        return {name: second_values[name] - first_values[name] for name in names}

    values = [statistic(np.ones((1, len(labels)))) for statistic in (first, second)]
    intervals = bootstrap(difference, names, labels, undefined=undefined, resamples=resamples, seed=seed)
    result = {}
    for name, (lower, upper) in intervals.items():
        a, b = (float(value[name][0]) for value in values)
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
        (R, N) float64 counts, R up to ``CHUNK``; nothing where G is below 2: one group shows no spread.
    """
    number = int(labels.max(initial=-1)) + 1
    if number < 2:
        return
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        rows = min(CHUNK, resamples - start)
        indices = rng.integers(number, size=(rows, number)) + number * np.arange(rows)[:, None]
        counts = np.bincount(indices.ravel(), minlength=rows * number).reshape(rows, number)
        yield counts[:, labels].astype(np.float64)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """(lower, upper) of the defined draws."""
    values = values[~np.isnan(values)]
    if not len(values):
        return NAN, NAN
    tail = (1 - LEVEL) / 2
    lower, upper = np.quantile(values, (tail, 1 - tail))
    return float(lower), float(upper)
