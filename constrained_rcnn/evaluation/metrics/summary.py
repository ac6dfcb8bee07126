"""Records of images reduced to the numbers of a table (pure functions, NumPy only)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .confidence import confidence_intervals
from .image import false_alarm_area, image_level_metrics, pooled_f1
from .pixel import NAN, PIXEL_METRICS
from .records import PLAIN, MetricVariants


def summarise(records: Sequence[dict], variants: MetricVariants = PLAIN) -> dict[str, Any]:
    """All metrics of a dataset.

    Args:
        records: what :func:`.records.image_record` returns, one per image.
        variants: those the records were made with.

    Returns:
        ``metrics``: name -> fraction in [0, 1] (``mcc_fixed`` in [-1, 1]) or NaN where undefined. The means
        of
        ``PIXEL_METRICS`` over manipulated images, the same as ``<metric>/<technique>`` for each ground-truth
        technique, ``f1_pooled``, ``false_alarm_area``, ``image_auc``, ``image_f1``, ``image_bacc``, and what
        ``variants`` adds.
        ``counts``: ``n_manipulated`` and ``n_authentic`` (images behind the pixel metrics), ``n_images``
        (all),
        ``n_image_level`` (images with a score), ``n_manipulated/<technique>``.
        ``skipped``: reason -> number of images that are in no pixel metric.
        ``skipped_files``: reason -> their file names.
        ``intervals`` and ``bootstrap``: see :func:`.confidence.confidence_intervals`.
    """
    scored = [r for r in records if not r["authentic"] and not r["skipped"]]
    authentic = [r for r in records if r["authentic"] and not r["skipped"]]
    metrics = _means(scored, authentic if variants.authentic_as_zero else ())
    counts_of = [r["pixel"] for r in records if r["pixel"] is not None]
    metrics["f1_pooled"] = pooled_f1(counts_of)
    metrics["false_alarm_area"] = false_alarm_area(r["pixel"] for r in authentic)
    decided = [r for r in records if r["score"] is not None]
    metrics |= image_level_metrics((r["score"] for r in decided), (not r["authentic"] for r in decided))

    if variants.paper:
        metrics |= {f"paper_{name}": value for name, value in paper_metrics(records).items()}

    counts = {
        "n_manipulated": len(scored),
        "n_authentic": len(authentic),
        "n_images": len(records),
        "n_image_level": len(decided),
    }
    for technique in sorted({r["technique"] for r in records if not r["authentic"]}):
        images = [r for r in scored if r["technique"] == technique]
        metrics |= {f"{name}/{technique}": value for name, value in _means(images).items()}
        counts[f"n_manipulated/{technique}"] = len(images)
    skipped: dict[str, list[str]] = {}
    for record in records:
        if record["skipped"]:
            skipped.setdefault(record["skipped"], []).append(record["file_name"])
    return {
        "metrics": metrics,
        "counts": counts,
        "skipped": {reason: len(files) for reason, files in skipped.items()},
        "skipped_files": skipped,
        **confidence_intervals(records, variants),
    }


def paper_metrics(records: Sequence[dict]) -> dict[str, float]:
    """``f1_best`` and ``auc`` as the released code of the paper prints them.

    The mean over the images of each PREDICTED class, then the mean over the classes that were predicted at
    all.

    Args:
        records: as in :func:`summarise`. An image where nothing was predicted is in no class, and so in no
        mean.

    Returns:
        ``f1_best`` and ``auc`` in [0, 1], NaN where no manipulated image has a predicted class.
    """
    groups: dict[str, list[dict]] = {}
    for record in records:
        if record["predicted"] is not None and not record["authentic"] and not record["skipped"]:
            groups.setdefault(record["predicted"], []).append(record)
    means = [_means(group) for group in groups.values()]
    return {name: _mean([mean[name] for mean in means]) for name in ("f1_best", "auc")}


def _means(records: Sequence[dict], zeros: Sequence[dict] = ()) -> dict[str, float]:
    means = {name: _mean([r["pixel"][name] for r in records]) for name in PIXEL_METRICS}
    if zeros:
        share = len(records) / (len(records) + len(zeros))
        for name in ("f1_best", "f1_fixed"):
            means[name] = means[name] * share if records else 0.0
    return means


def _mean(values: Sequence[float]) -> float:
    """Mean of the defined values; NaN without any."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else NAN
