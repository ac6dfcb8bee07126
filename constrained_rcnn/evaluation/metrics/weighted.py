"""The one definition of every metric of a dataset, as a function of how often each image counts (NumPy only).

Weights of 1 give the value that tables print; weights of a bootstrap's draws give its interval, and the same draws
over two runs their paired comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .image import IMAGE_METRICS, divided, image_level_metrics
from .pixel import COUNTS, NAN, PIXEL_METRICS
from .records import PLAIN, MetricVariants
from .techniques import technique_ratios

#: (numerators (N,), denominators (N,)) of the images: a metric is the ratio of their weighted sums.
Ratio = tuple[np.ndarray, np.ndarray]


class WeightedMetrics:
    """Every metric of a set of images.

    The means of ``PIXEL_METRICS`` over manipulated images, the same as ``<metric>/<technique>`` for each technique of
    the ground truth; ``f1_pooled``: F1 of all pixels of all images together, authentic ones included, NaN where no
    pixel is manipulated; ``false_alarm_area``: mean fraction of an authentic image's pixels over the fixed threshold;
    ``IMAGE_METRICS``; where detections are known, those of :func:`.techniques.technique_ratios`; and what the variants
    add. ``paper_f1_best`` and ``paper_auc`` are what the released code of the paper prints: the mean over the
    manipulated images of each PREDICTED class, then over the classes that were predicted at all.
    """

    def __init__(self, records: Sequence[dict], variants: MetricVariants = PLAIN):
        """
        Args:
            records: what :func:`.records.image_record` returns, of N images, each once.
            variants: those the records were made with.
        """
        authentic = np.array([r["authentic"] for r in records], bool)
        usable = np.array([not r["skipped"] for r in records], bool)
        forged, clean = usable & ~authentic, usable & authentic
        columns = {name: _column(records, name, forged) for name in PIXEL_METRICS}
        self._ratios: dict[str, Ratio] = {}
        for name, values in columns.items():
            zeros = clean if variants.authentic_as_zero and name in ("f1_best", "f1_fixed") else np.False_
            self._ratios[name] = _mean_of(values, ~np.isnan(values) | zeros)
        counts = {name: np.nan_to_num(_column(records, name, np.ones(len(records), bool))) for name in COUNTS}
        self._ratios["f1_pooled"] = (2 * counts["tp"], 2 * counts["tp"] + counts["fp"] + counts["fn"])
        self._positives = counts["tp"] + counts["fn"]
        area = counts["fp"] / np.maximum(counts["fp"] + counts["tn"], 1)
        self._ratios["false_alarm_area"] = (area * clean, clean.astype(float))
        for technique in sorted({r["technique"] for r in records if not r["authentic"]}):
            of_technique = np.array([r["technique"] == technique for r in records]) & ~authentic
            for name in PIXEL_METRICS:
                values = np.where(of_technique, columns[name], NAN)
                self._ratios[f"{name}/{technique}"] = _mean_of(values, ~np.isnan(values))
        self._ratios |= technique_ratios(records)
        # One product with all of them is several times as fast as one with each.
        self._columns = np.stack([column for part in zip(*self._ratios.values()) for column in part], axis=1)
        self._scored = np.array([r["score"] is not None for r in records], bool)
        self._scores = np.array([r["score"] for r in records if r["score"] is not None], np.float64)
        self._manipulated = ~authentic
        self._paper = _paper_ratios(records, columns) if variants.paper else {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the metrics."""
        return (*self._ratios, *IMAGE_METRICS, *self._paper)

    def values(self) -> dict[str, float]:
        """metric -> its value over all images, a fraction in [0, 1] (``mcc_fixed`` in [-1, 1]), NaN where undefined."""
        return {name: float(value[0]) for name, value in self(np.ones((1, len(self._scored)))).items()}

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """
        Args:
            weights: (R, N) float64 >= 0, how often each image counts.

        Returns:
            metric -> (R,) float64, NaN where undefined.
        """
        sums = weights @ self._columns
        tops, bottoms = sums[:, : len(self._ratios)], sums[:, len(self._ratios) :]
        result = {name: divided(tops[:, i], bottoms[:, i]) for i, name in enumerate(self._ratios)}
        # Without a manipulated pixel F1 is undefined, even where something was predicted.
        result["f1_pooled"] = np.where(weights @ self._positives > 0, result["f1_pooled"], NAN)
        result |= image_level_metrics(self._scores, self._manipulated[self._scored], weights[:, self._scored])
        for name, ratios in self._paper.items():
            means = np.stack([divided(weights @ top, weights @ bottom) for top, bottom in ratios])
            defined = ~np.isnan(means)
            result[name] = divided(np.where(defined, means, 0).sum(axis=0), defined.sum(axis=0).astype(float))
        return result

    def names_with_few_groups(self, labels: np.ndarray) -> set[str]:
        """Metrics that fewer than two of the groups have a say in: no spread can be seen.

        A metric that compares authentic with manipulated images needs two groups of each: where there is one
        authentic image, it is in every draw.

        Args:
            labels: (N,) from :func:`.confidence.group_labels`.
        """

        def few_behind(images: np.ndarray) -> bool:
            return len(np.unique(labels[images])) < 2

        names = {name for name, (_, bottom) in self._ratios.items() if few_behind(bottom > 0)}
        names |= {n for n, parts in self._paper.items() if few_behind(np.any([b > 0 for _, b in parts], axis=0))}
        if few_behind(self._scored & self._manipulated):
            names |= set(IMAGE_METRICS)
        if few_behind(self._scored & ~self._manipulated):
            names |= {"image_auc", "image_bacc"}
        return names


def _paper_ratios(records: Sequence[dict], columns: dict[str, np.ndarray]) -> dict[str, list[Ratio]]:
    """A mean for each predicted class. An image where nothing was predicted is in none."""
    predicted = np.array([r["predicted"] or "" for r in records])
    ratios: dict[str, list[Ratio]] = {}
    for name in ("f1_best", "auc"):
        labels = sorted({*predicted.tolist()} - {""}) or ["nothing"]  # whose mean is undefined
        label_columns = [np.where(predicted == label, columns[name], NAN) for label in labels]
        ratios[f"paper_{name}"] = [_mean_of(values, ~np.isnan(values)) for values in label_columns]
    return ratios


def _column(records: Sequence[dict], name: str, where: np.ndarray) -> np.ndarray:
    """(N,) float64: a pixel metric of the chosen images, NaN elsewhere and where it is undefined (None: JSON)."""
    values = np.full(len(records), NAN)
    for index in np.flatnonzero(where).tolist():
        value = (records[index]["pixel"] or {}).get(name)
        values[index] = NAN if value is None else value
    return values


def _mean_of(values: np.ndarray, counted: np.ndarray) -> Ratio:
    return np.nan_to_num(values), np.asarray(counted, np.float64)
