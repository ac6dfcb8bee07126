"""The report's curves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from ...visualization.html.plots import Axes
from ..metrics.score_curve import GRID, score_curve


def report_plots(records: Sequence[Mapping]) -> dict[str, Axes]:
    """``roc``, ``precision_recall``, ``scores`` and ``area``, of the content of ``per_image.json``."""
    scored = [r for r in records if not r["authentic"] and not r["skipped"] and r["pixel"]]
    with_score = [r for r in records if r["score"] is not None]
    scores = np.array([r["score"] for r in with_score], np.float64)
    manipulated = np.array([not r["authentic"] for r in with_score], bool)
    roc = Axes("ROC", "false positive rate", "true positive rate")
    recall = Axes("Precision and recall", "recall", "precision")
    roc.line("", (0, 1), (0, 1), "chance")
    curves = [r["curves"] for r in scored if r.get("curves")]
    if curves:
        roc.line("pixels, mean over images", GRID, np.mean([c["roc"] for c in curves], axis=0), "a")
        recall.line("pixels, mean over images", GRID, np.mean([c["pr"] for c in curves], axis=0), "a")
    if manipulated.any() and not manipulated.all():
        curve = score_curve(scores, manipulated)
        true_positives, false_positives = np.cumsum(curve.positives), np.cumsum(curve.negatives)
        roc.line(
            "images", [0, *(false_positives / false_positives[-1])], [0, *(true_positives / true_positives[-1])], "b"
        )
        recall.line(
            "images", true_positives / true_positives[-1], true_positives / (true_positives + false_positives), "b"
        )
    histogram = _score_histogram(scores, manipulated)
    return {"roc": roc, "precision_recall": recall, "scores": histogram, "area": _f1_against_area(scored)}


def _score_histogram(scores: np.ndarray, manipulated: np.ndarray) -> Axes:
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram(scores[side], edges)[0] for side in (manipulated, ~manipulated)]
    shares = [count / max(count.sum(), 1) for count in counts]
    highest = max(share.max() for share in shares)
    top = next(step for step in (0.2, 0.4, 0.6, 0.8, 1.0) if highest <= step)
    axes = Axes("Image scores", "score", "share of images", y_range=(0, top))
    for name, share, style in (("manipulated", shares[0], "a"), ("authentic", shares[1], "b")):
        axes.histogram(name, edges, share, style)
    return axes


def _f1_against_area(scored: Sequence[Mapping]) -> Axes:
    """``f1_best`` of each image over its mask's area, and the floor 2a / (1 + a) that needs no detector."""
    axes = Axes("F1 against manipulated area", "share of the image (log)", "f1_best", x_range=(1e-3, 1.0), log_x=True)
    areas = np.logspace(-3, 0, 60)
    axes.line("floor: all-ones map", areas, 2 * areas / (1 + areas), "chance")
    points = []
    for record in scored:
        f1, floor = record["pixel"]["f1_best"], record["pixel"]["f1_floor"]
        area = floor / (2 - floor)
        points.append((area, f1, f"{os.path.basename(record['file_name'])}: F1 {f1:.3f}, area {area:.2%}"))
    axes.scatter("images", points, "a")
    return axes
