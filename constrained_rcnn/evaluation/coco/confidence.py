"""How sure COCO AP is: bootstrap intervals over images, and paired comparison of two runs.

AP is no mean over images, so that every draw has to rank all instances anew. pycocotools matches instances with
regions once; a draw only weighs the images, and all draws of a block are accumulated together.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from ..metrics.confidence import SEED, bootstrap, group_labels, paired
from ..metrics.pixel import NAN
from ..table import format_rows, interval_text
from .average_precision import matched, read_instances

NAMES = ("AP", "AP50", "AP75")
#: Number of draws; a draw of AP costs far more than one of a mean.
RESAMPLES = 1000
#: Weights of instances that are in memory at a time: 32 MiB.
BLOCK = 1 << 22
TRUTH, INSTANCES = "coco_ground_truth.json", "coco_instances_results.json"


class WeightedAP:
    """AP, AP50 and AP75 as functions of how often each image counts."""

    def __init__(self, truth: COCO, instances: Sequence[Mapping], task: str, image_ids: Sequence):
        """
        Args:
            truth: the ground truth.
            instances: in COCO's result format, at least one.
            task: "bbox" or "segm".
            image_ids: (N,) the images, in the order of the weights; instances of others do not count.
        """
        evaluation = matched(truth, instances, task)
        parameters = evaluation.params
        self._recalls = parameters.recThrs
        self._ious = parameters.iouThrs
        place = {image: index for index, image in enumerate(image_ids)}
        images, classes, areas = len(parameters.imgIds), len(parameters.catIds), len(parameters.areaRng)
        self._classes = []
        for k in range(classes):
            start = k * areas * images  # the area range "all" is the first
            evals = [e for e in evaluation.evalImgs[start : start + images] if e is not None and e["image_id"] in place]
            self._classes.append(_OneClass(evals, place, len(self._ious)))

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """
        Args:
            weights: (R, N) float64 >= 0, whole numbers.

        Returns:
            name -> (R,) float64 in [0, 1], NaN where no class has a region.
        """
        # (R, T, 101, K): the means run over it in pycocotools' order, so that equal weights give its very numbers.
        precision = np.stack([by_class(weights, self._recalls) for by_class in self._classes], axis=-1)
        defined = ~np.isnan(precision[:, 0, 0])
        threshold_rows = {"AP": slice(None), "AP50": np.isclose(self._ious, 0.5), "AP75": np.isclose(self._ious, 0.75)}
        result = {name: np.full(len(weights), NAN) for name in NAMES}
        for row in np.flatnonzero(defined.any(axis=1)):
            for name in NAMES:
                result[name][row] = np.mean(precision[row, threshold_rows[name]][..., defined[row]].ravel())
        return result


class _OneClass:
    """The instances of one class by falling score, with what each IoU threshold makes of them.

    Precision and recall rise at true instances alone, so the false ones between two of them need only be counted.
    """

    def __init__(self, evals: Sequence[Mapping], place: Mapping, thresholds: int):
        scores = np.concatenate([np.asarray(e["dtScores"], np.float64) for e in evals]) if evals else np.zeros(0)
        order = np.argsort(-scores, kind="mergesort")  # pycocotools' own, so that ties fall alike
        owners = [np.full(len(e["dtScores"]), place[e["image_id"]]) for e in evals]
        owner = (np.concatenate(owners) if owners else np.zeros(0, int))[order]
        empty = [np.zeros((thresholds, 0), bool)]
        matches, ignored = (
            np.concatenate([np.asarray(e[key], bool).reshape(thresholds, -1) for e in evals] or empty, axis=1)[:, order]
            for key in ("dtMatches", "dtIgnore")
        )
        true_positives = matches & ~ignored
        places = np.flatnonzero(true_positives.any(axis=0))  # true at any threshold
        self._starts = np.concatenate([[0], places[:-1] + 1])
        self._owner = owner[: places[-1] + 1] if len(places) else owner[:0]
        #: Per threshold: owners of the true instances, which of ``places`` they are; owners of the ignored ones, and
        #: how many of these stand before each true one.
        self._thresholds = []
        for true_columns, ignored_columns in zip(true_positives, ignored):
            true_columns, ignored_columns = np.flatnonzero(true_columns), np.flatnonzero(ignored_columns)
            ignored_before = np.searchsorted(ignored_columns, true_columns)
            self._thresholds.append(
                (owner[true_columns], np.searchsorted(places, true_columns), owner[ignored_columns], ignored_before)
            )
        self._regions = np.zeros(len(place))
        for e in evals:
            self._regions[place[e["image_id"]]] += np.sum(~np.asarray(e["gtIgnore"], bool))

    def __call__(self, weights: np.ndarray, recalls: np.ndarray) -> np.ndarray:
        """Precision at each threshold and recall: (R, T, 101), NaN without a region."""
        rows = max(1, BLOCK // max(len(self._owner), 1))
        parts = [self._block(weights[start : start + rows], recalls) for start in range(0, len(weights), rows)]
        return np.concatenate(parts)

    def _block(self, weights: np.ndarray, recalls: np.ndarray) -> np.ndarray:
        regions = weights @ self._regions
        result = np.zeros((len(weights), len(self._thresholds), len(recalls)))
        if len(self._owner):
            ranked = np.cumsum(np.add.reduceat(weights[:, self._owner], self._starts, axis=1), axis=1)
            for t, (owner, places, ignored, ignored_before) in enumerate(self._thresholds):
                tp, counted = np.cumsum(weights[:, owner], axis=1), ranked[:, places]
                if len(ignored):
                    counted -= np.pad(np.cumsum(weights[:, ignored], axis=1), ((0, 0), (1, 0)))[:, ignored_before]
                precision = tp / (counted + np.spacing(1))
                precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
                precision = np.pad(precision, ((0, 0), (0, 1)))  # 0 where a recall is not reached
                recall = np.divide(tp, regions[:, None], out=np.zeros_like(tp), where=regions[:, None] > 0)
                for row in range(len(weights)):
                    result[row, t] = precision[row, np.searchsorted(recall[row], recalls, side="left")]
        result[regions == 0] = NAN
        return result


def ap_intervals(
    truth_file: str | os.PathLike,
    instances: Sequence[Mapping],
    tasks: Sequence[str],
    records: Sequence[Mapping],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, dict[str, tuple[float, float]]]:
    """Percentile bootstrap intervals of COCO AP.

    Args:
        truth_file: see :func:`.average_precision.coco_ap`.
        instances: in COCO's result format.
        tasks: "bbox", "segm" or both.
        records: of the images, with ``image_id`` and ``group``.
        resamples, seed: as in :func:`..metrics.confidence.confidence_intervals`.

    Returns:
        task -> AP, AP50, AP75 -> (lower, upper) as fractions, NaN where undefined.
    """
    labels = group_labels(records)
    if not instances or labels.max(initial=-1) < 1:
        return {task: dict.fromkeys(NAMES, (NAN, NAN)) for task in tasks}
    truth, ids = _truth(truth_file), [record["image_id"] for record in records]
    return {
        task: bootstrap(WeightedAP(truth, instances, task, ids), NAMES, labels, resamples=resamples, seed=seed)
        for task in tasks
    }


def compare_ap_of_folders(
    first: Path, second: Path, records: Sequence[Mapping], *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, dict[str, Any]]:
    """Paired comparison of AP: entries "bbox/AP" and so on, as :func:`..metrics.confidence.paired` returns them.

    Args:
        first, second: folders of two evaluations.
        records: of the images that both have scored.

    Returns:
        {} unless both folders have ground truth and instances, for the tasks that both have.
    """
    if not all((folder / name).is_file() for folder in (first, second) for name in (TRUTH, INSTANCES)):
        return {}
    runs = [(_truth(folder / TRUTH), read_instances(folder / INSTANCES)) for folder in (first, second)]
    labels, ids = group_labels(records), [record["image_id"] for record in records]
    if not all(instances for _, instances in runs):
        return {}
    result = {}
    for task in ("bbox", "segm"):
        if task == "segm" and not all(_has_masks(truth, instances) for truth, instances in runs):
            continue
        statistics = [WeightedAP(truth, instances, task, ids) for truth, instances in runs]
        entries = paired(*statistics, NAMES, labels, resamples=resamples, seed=seed)
        result |= {f"{task}/{name}": entry for name, entry in entries.items()}
    return result


def ap_table(values: Mapping[str, Mapping[str, float]], intervals: Mapping[str, Mapping]) -> str:
    """AP with its intervals as text, in per cent. Args: both as fractions, by task and name."""
    rows = [["metric (%)", "value", "95% interval"]]
    for task, results in values.items():
        for name in NAMES:
            if results.get(name) is not None:
                interval = intervals.get(task, {}).get(name)
                rows.append([f"{task}/{name}", f"{100 * results[name]:.2f}", interval_text(interval)])
    return format_rows(rows)


def _truth(path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def _has_masks(truth: COCO, instances: Sequence[Mapping]) -> bool:
    return all("segmentation" in entry for entry in (*truth.dataset["annotations"], *instances))
