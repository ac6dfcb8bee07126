"""Per-image pixel metrics: one score map against one ground-truth mask (NumPy only).

A positive is a manipulated pixel. The definitions are those of the table in the README; each metric has one
name here, in the evaluator, in the tables and in the files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .score_curve import area_under_roc, best_f1, sampled_curves, score_curve

#: A pixel is predicted manipulated where its score is OVER this (0.5 itself is authentic).
FIXED_THRESHOLD = 0.5
#: The metrics of one image, in the order in which tables print them.
PIXEL_METRICS = ("f1_best", "f1_fixed", "iou_fixed", "mcc_fixed", "auc", "f1_floor")
COUNTS = ("tp", "fp", "fn", "tn")
NAN = float("nan")


def score_map_metrics(
    score_map: np.ndarray,
    truth: np.ndarray,
    *,
    ignore: np.ndarray | None = None,
    invert: str = "never",
    curves: dict[str, list[float]] | None = None,
) -> dict[str, float]:
    """All pixel metrics of one image.

    Args:
        score_map: (H, W) score of each pixel at the image's original resolution, higher = more likely
            manipulated. float32 or float64 (also float16) in [0, 1]; uint16 (also uint8) spanning its whole
            range, 65535 being 1; or bool.
        truth: (H, W) bool, the complete ground-truth mask, True = manipulated.
        ignore: (H, W) bool, pixels that count neither way (``gt_border_ignore``), or None.
        invert: "never", or "max": each metric is the better of the map's and that of one minus the map
            (TruFor's protocol, for methods whose polarity is not defined; flatters everything else).
        curves: gets ``roc`` and ``pr`` of :func:`.score_curve.sampled_curves` (of the map itself), where the
            mask has both classes.

    Returns:
        ``f1_best``: maximum over thresholds of 2PR/(P+R), ``f1_best_threshold``: reached by "score >= it".
        ``f1_fixed``, ``iou_fixed``, ``mcc_fixed``: of the prediction "score > 0.5"; Matthews' coefficient is
        0 where the prediction is all one class, as in scikit-learn (its limit).
        ``auc``: area under the ROC curve, ties by trapezoids.
        ``f1_floor``: 2a/(1+a) for a mask of area fraction a, the best F1 of a map that knows nothing.
        ``tp``, ``fp``, ``fn``, ``tn``: pixel counts (int) of "score > 0.5", always those of the map itself.
        All but the counts are NaN where the mask is all one class (or all ignored).

    Raises:
        ValueError: the map has NaN, infinities, values outside [0, 1] or another dtype; the mask is not
            boolean; the shapes differ; the image is empty.
    """
    if invert not in ("never", "max"):
        raise ValueError(f"invert is {invert!r}; it must be 'never' or 'max'")
    scores, truth = _checked(score_map, truth)
    if ignore is not None:
        if ignore.shape != score_map.shape:
            raise ValueError(f"ignored pixels of shape {ignore.shape} for a map of shape {score_map.shape}")
        keep = ~np.ascontiguousarray(ignore, dtype=bool).ravel()
        scores, truth = scores[keep], truth[keep]
    half = _half(scores.dtype)
    counts = _confusion(scores > half, truth)
    metrics = dict.fromkeys((*PIXEL_METRICS, "f1_best_threshold"), NAN) | counts
    manipulated, total = counts["tp"] + counts["fn"], truth.size
    if not 0 < manipulated < total:
        return metrics

    curve = score_curve(scores, truth)
    metrics["f1_best"], metrics["f1_best_threshold"] = best_f1(curve)
    metrics["auc"] = area_under_roc(curve)
    if curves is not None:
        curves.update(sampled_curves(curve))
    metrics["f1_floor"] = 2 * manipulated / (manipulated + total)
    metrics.update(fixed_metrics(**counts))
    if invert == "max":
        # 1 - score > 0.5 is score < 0.5. For integers half is one below the middle, so < becomes <=.
        below = scores <= half if scores.dtype.kind == "u" else scores < half
        inverse = fixed_metrics(**_confusion(below, truth))
        inverse["f1_best"], threshold = best_f1(curve.inverted())
        inverse["auc"] = 1.0 - metrics["auc"]
        if inverse["f1_best"] > metrics["f1_best"]:
            metrics["f1_best_threshold"] = threshold
        metrics.update({name: max(value, metrics[name]) for name, value in inverse.items()})
    return metrics


def fixed_metrics(tp: int, fp: int, fn: int, tn: int) -> dict[str, float]:
    """F1, IoU and Matthews' coefficient from pixel counts.

    Args:
        tp, fp, fn, tn: counts >= 0 of one image, or summed over images.

    Returns:
        ``f1_fixed`` and ``iou_fixed`` in [0, 1], ``mcc_fixed`` in [-1, 1]. F1 and IoU are NaN where nothing
        is manipulated and nothing predicted; Matthews' coefficient is NaN where the truth is all one class
        and 0 where the prediction is.
    """
    tp, fp, fn, tn = int(tp), int(fp), int(fn), int(tn)  # Python's integers: the products below pass 2**63
    f1 = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else NAN
    iou = tp / (tp + fp + fn) if tp + fp + fn else NAN
    predicted, actual = (tp + fp) * (fn + tn), (tp + fn) * (fp + tn)
    mcc = NAN if not actual else (tp * tn - fp * fn) / math.sqrt(predicted * actual) if predicted else 0.0
    return {"f1_fixed": f1, "iou_fixed": iou, "mcc_fixed": mcc}


def authentic_counts(score_map: np.ndarray) -> dict[str, int]:
    """Pixel counts of "score > 0.5" on an authentic image.

    Args:
        score_map: as in :func:`score_map_metrics`.

    Returns:
        ``tp``, ``fp``, ``fn``, ``tn`` with tp = fn = 0.

    Raises:
        ValueError: as in :func:`score_map_metrics`.
    """
    scores = check_score_map(score_map).ravel()
    wrong = int(np.count_nonzero(scores > _half(scores.dtype)))
    return {"tp": 0, "fp": wrong, "fn": 0, "tn": scores.size - wrong}


def check_score_map(score_map: np.ndarray) -> np.ndarray:
    """A contiguous score map of a dtype that the metrics know.

    Args:
        score_map: as in :func:`score_map_metrics`.

    Returns:
        (H, W) float32, float64, uint8 or uint16; a view where nothing had to be changed.

    Raises:
        ValueError: as in :func:`score_map_metrics`.
    """
    score_map = np.asarray(score_map)
    if score_map.ndim != 2 or score_map.size == 0:
        raise ValueError(f"a score map must have shape (height, width) without zeros, not {score_map.shape}")
    if score_map.dtype == bool:
        score_map = score_map.astype(np.uint8) * np.uint8(255)
    elif score_map.dtype == np.float16:
        score_map = score_map.astype(np.float32)
    if score_map.dtype not in (np.float32, np.float64, np.uint8, np.uint16):
        raise ValueError(f"a score map must be float32, float64, uint16, uint8 or bool, not {score_map.dtype}")
    if score_map.dtype.kind == "f":
        lowest, highest = float(score_map.min()), float(score_map.max())
        if not (math.isfinite(lowest) and math.isfinite(highest)):
            raise ValueError("the score map holds NaN or infinite values; scores must be finite and in [0, 1]")
        if lowest < 0 or highest > 1:
            raise ValueError(f"the score map spans {lowest:g} to {highest:g}; scores must be in [0, 1]")
    return np.ascontiguousarray(score_map)


def _checked(score_map: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as flat contiguous arrays (N,) in the same order."""
    score_map, truth = check_score_map(score_map), np.asarray(truth)
    if truth.dtype != bool:
        raise ValueError(f"a mask must be boolean, not {truth.dtype}; compare its grey levels with 127")
    if truth.shape != score_map.shape:
        raise ValueError(
            f"a score map of shape {score_map.shape} for a mask of shape {truth.shape}; "
            "both must have the image's original size"
        )
    return score_map.ravel(), np.ascontiguousarray(truth).ravel()


def _half(dtype: np.dtype) -> Any:
    """The largest value of ``dtype`` that is not over ``FIXED_THRESHOLD``."""
    return np.iinfo(dtype).max // 2 if dtype.kind == "u" else FIXED_THRESHOLD


def _confusion(predicted: np.ndarray, truth: np.ndarray) -> dict[str, int]:
    tp = int(np.count_nonzero(predicted & truth))
    fp = int(np.count_nonzero(predicted)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return {"tp": tp, "fp": fp, "fn": fn, "tn": truth.size - tp - fp - fn}
