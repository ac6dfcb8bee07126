"""Image-level metrics, and those that sum pixels over images (NumPy only)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .pixel import COUNTS, FIXED_THRESHOLD, NAN, fixed_metrics
from .score_curve import area_under_roc, score_curve


def image_level_metrics(scores: Iterable[float], manipulated: Iterable[bool]) -> dict[str, float]:
    """Metrics of the image decision "score > 0.5".

    Args:
        scores: (N,) manipulation score of each image in [0, 1].
        manipulated: (N,) ground truth, True = manipulated.

    Returns:
        ``image_auc``: area under the ROC curve over images, ties by trapezoids.
        ``image_f1``: 2 TP / (2 TP + FP + FN), the ordinary F1 of the class "manipulated" (and not MVSS-Net's
        harmonic mean of sensitivity and specificity).
        ``image_bacc``: mean of the fractions of manipulated and of authentic images decided rightly.
        All NaN unless there are images of both kinds.

    Raises:
        ValueError: lengths differ, or a score is not finite or not in [0, 1].
    """
    scores = np.fromiter(scores, np.float64)
    manipulated = np.fromiter(manipulated, bool)
    if scores.shape != manipulated.shape:
        raise ValueError(f"{len(scores)} image scores for {len(manipulated)} images")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("image scores must be finite and in [0, 1]")
    if manipulated.all() or not manipulated.any():  # also without any image
        return {"image_auc": NAN, "image_f1": NAN, "image_bacc": NAN}
    predicted = scores > FIXED_THRESHOLD
    tp, fp = int((predicted & manipulated).sum()), int((predicted & ~manipulated).sum())
    positives, negatives = int(manipulated.sum()), int((~manipulated).sum())
    return {
        "image_auc": area_under_roc(score_curve(scores, manipulated)),
        "image_f1": 2 * tp / (tp + fp + positives),
        "image_bacc": 0.5 * (tp / positives + 1 - fp / negatives),
    }


def pooled_f1(counts: Iterable[dict]) -> float:
    """F1 of all pixels of all images together, authentic ones included.

    Args:
        counts: per image a dict with ``tp``, ``fp``, ``fn``, ``tn`` at the fixed threshold.

    Returns:
        A number in [0, 1]; NaN where no pixel is manipulated.
    """
    total = dict.fromkeys(COUNTS, 0)
    for image in counts:
        for name in COUNTS:
            total[name] += int(image[name])
    return fixed_metrics(**total)["f1_fixed"] if total["tp"] + total["fn"] else NAN


def false_alarm_area(counts: Iterable[dict]) -> float:
    """Mean fraction of pixels over the fixed threshold.

    Args:
        counts: as in :func:`pooled_f1`, of authentic images only.

    Returns:
        A number in [0, 1]; NaN without images.
    """
    fractions = [image["fp"] / (image["fp"] + image["tn"]) for image in counts]
    return float(np.mean(fractions)) if fractions else NAN
