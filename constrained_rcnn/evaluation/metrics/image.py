"""Metrics of the image decision, as functions of how often each image counts (NumPy only)."""

from __future__ import annotations

import numpy as np

from .pixel import FIXED_THRESHOLD, NAN

IMAGE_METRICS = ("image_auc", "image_f1", "image_bacc")


def image_level_metrics(scores: np.ndarray, manipulated: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics of the image decision "score > 0.5".

    Args:
        scores: (N,) manipulation score of each image in [0, 1].
        manipulated: (N,) bool, ground truth.
        weights: (R, N) float64 >= 0, how often each image counts.

    Returns:
        Each (R,) float64, NaN unless there are images of both kinds.
        ``image_auc``: area under the ROC curve over images, ties by trapezoids.
        ``image_f1``: 2 TP / (2 TP + FP + FN), the ordinary F1 of the class "manipulated" (and not MVSS-Net's
        harmonic mean of sensitivity and specificity).
        ``image_bacc``: mean of the fractions of manipulated and of authentic images decided rightly.

    Raises:
        ValueError: lengths differ, or a score is not finite or not in [0, 1].
    """
    scores, manipulated = np.asarray(scores, np.float64), np.asarray(manipulated, bool)
    if scores.shape != manipulated.shape:
        raise ValueError(f"{len(scores)} image scores for {len(manipulated)} images")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("image scores must be finite and in [0, 1]")
    if not len(scores):
        return dict.fromkeys(IMAGE_METRICS, np.full(len(weights), NAN))
    order = np.argsort(-scores, kind="stable")
    scores, manipulated, weights = scores[order], manipulated[order], weights[:, order]
    positive, negative = weights * manipulated, weights * ~manipulated
    p, n = positive.sum(axis=1), negative.sum(axis=1)
    over = scores > FIXED_THRESHOLD
    tp, fp = positive @ over, negative @ over
    starts = np.concatenate([[0], np.flatnonzero(scores[1:] != scores[:-1]) + 1])
    hits, false_alarms = (np.add.reduceat(side, starts, axis=1) for side in (positive, negative))
    above = np.cumsum(hits, axis=1) - 0.5 * hits
    values = (
        divided((false_alarms * above).sum(axis=1), p * n),
        divided(2 * tp, tp + fp + p),
        0.5 * (divided(tp, p) + 1 - divided(fp, n)),
    )
    return {name: np.where((p > 0) & (n > 0), value, NAN) for name, value in zip(IMAGE_METRICS, values)}


def divided(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """(R,) ratios, NaN where the denominator is 0."""
    return np.divide(top, bottom, out=np.full(len(top), NAN), where=bottom > 0)
