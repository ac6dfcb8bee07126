"""The files that an evaluation leaves, whoever made the maps (no Torch)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from constrained_rcnn.utils.files import write_json_atomic

from .metrics.pixel import FIXED_THRESHOLD
from .metrics.records import MetricVariants
from .table import without_nan


def write_results(
    folder: str | os.PathLike,
    dataset: str,
    records: Sequence[dict],
    summary: Mapping[str, Any],
    variants: MetricVariants,
    **more: Any,
) -> None:
    """Writes ``metrics.json`` and ``per_image.json``.

    Args:
        folder: made if it is not there.
        dataset: name, for the reader.
        records: one per image.
        summary: what :func:`.metrics.summary.summarise` makes of them.
        variants: those both were made with.
        more: entries added to ``metrics.json``.
    """
    content = {
        "dataset": dataset,
        "unit": "fractions, not per cent; null is undefined",
        "threshold": FIXED_THRESHOLD,
        "variants": asdict(variants),
        **summary,
        **more,
    }
    write_json_atomic(Path(folder) / "metrics.json", without_nan(content), indent=2)
    write_json_atomic(Path(folder) / "per_image.json", without_nan(records))
