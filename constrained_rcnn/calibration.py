"""Choosing the decision threshold: on a validation split, at a stated false-alarm rate, kept in the checkpoint."""

from __future__ import annotations

import math

import numpy as np

from .checkpoint import read_checkpoint, write_checkpoint
from .data.catalog import dataset_dicts
from .errors import UserError
from .predictor import ManipulationPredictor


def threshold_at(scores: np.ndarray, false_alarm_rate: float) -> float:
    """The lowest threshold at which at most that share of authentic images is called manipulated.

    Args:
        scores: (N,) of authentic images, in [0, 1].
        false_alarm_rate: wanted share of scores above the threshold, in [0, 1).

    Returns:
        A value in [0, 1]; ``score > threshold`` is the decision.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    return float(ordered[len(ordered) - 1 - math.floor(false_alarm_rate * len(ordered))])


def calibrate(cfg, dataset: str, false_alarm_rate: float, progress=iter) -> dict:
    """Scores a dataset's authentic images and writes the threshold into the checkpoint's metadata.

    Args:
        cfg: config whose MODEL.WEIGHTS is read and rewritten (atomically).
        dataset: registered name or path of a prepared split; never a test split.
        false_alarm_rate: see :func:`threshold_at`.
        progress: wraps the iteration, for instance ``tqdm``.

    Returns:
        What was added to the metadata: decision_threshold, false_alarm_rate, calibrated_on, calibration_images.

    Raises:
        UserError: no authentic image, or a rate outside [0, 1).
    """
    if not 0 <= false_alarm_rate < 1:
        raise UserError(f"false-alarm rate {false_alarm_rate}: give a share of at least 0 and below 1")
    authentic = [item for item in dataset_dicts(dataset) if item["authentic"]]
    if not authentic:
        raise UserError(f"dataset {dataset}: no authentic image to choose a threshold on")
    predictor = ManipulationPredictor(cfg)
    scores = np.array([predictor(item["file_name"]).score for item in progress(authentic)])
    added = {
        "decision_threshold": threshold_at(scores, false_alarm_rate),
        "false_alarm_rate": float(false_alarm_rate),
        "calibrated_on": dataset.rsplit("/", 1)[-1].removesuffix(".json"),
        "calibration_images": len(scores),
    }
    data = read_checkpoint(cfg.MODEL.WEIGHTS)
    data["metadata"] = {**data.get("metadata", {}), **added}
    write_checkpoint(data, cfg.MODEL.WEIGHTS)
    return added
