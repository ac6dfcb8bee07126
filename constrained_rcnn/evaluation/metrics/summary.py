"""Records of images reduced to the numbers of a table (pure functions, NumPy only)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .confidence import confidence_intervals
from .records import PLAIN, MetricVariants
from .techniques import confusion_matrix
from .weighted import WeightedMetrics


def summarise(records: Sequence[dict], variants: MetricVariants = PLAIN) -> dict[str, Any]:
    """All metrics of a dataset.

    Args:
        records: what :func:`.records.image_record` returns, one per image.
        variants: those the records were made with.

    Returns:
        ``metrics``: name -> value, see :class:`.weighted.WeightedMetrics`.
        ``counts``: ``n_manipulated`` and ``n_authentic`` (images behind the pixel metrics), ``n_images``
        (all), ``n_image_level`` (images with a score), ``n_manipulated/<technique>``.
        ``skipped``: reason -> number of images that are in no pixel metric.
        ``skipped_files``: reason -> their file names.
        ``techniques``: :func:`.techniques.confusion_matrix`; None where no detections are known.
        ``intervals`` and ``bootstrap``: see :func:`.confidence.confidence_intervals`.
    """
    scored = [r for r in records if not r["authentic"] and not r["skipped"]]
    counts = {
        "n_manipulated": len(scored),
        "n_authentic": sum(bool(r["authentic"] and not r["skipped"]) for r in records),
        "n_images": len(records),
        "n_image_level": sum(r["score"] is not None for r in records),
    }
    for technique in sorted({r["technique"] for r in records if not r["authentic"]}):
        counts[f"n_manipulated/{technique}"] = sum(r["technique"] == technique for r in scored)
    skipped: dict[str, list[str]] = {}
    for record in records:
        if record["skipped"]:
            skipped.setdefault(record["skipped"], []).append(record["file_name"])
    return {
        "metrics": WeightedMetrics(records, variants).values(),
        "counts": counts,
        "skipped": {reason: len(files) for reason, files in skipped.items()},
        "skipped_files": skipped,
        "techniques": confusion_matrix(records),
        **confidence_intervals(records, variants),
    }
