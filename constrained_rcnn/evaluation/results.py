"""The files that an evaluation leaves, whoever made the maps (no Torch)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..utils.files import write_json_atomic
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
) -> tuple[dict[str, Any], list[dict]]:
    """Writes ``metrics.json`` and ``per_image.json``, each once.

    Args:
        folder: made if it is not there.
        dataset: name, for the reader.
        records: one per image.
        summary: what :func:`.metrics.summary.summarise` makes of them.
        variants: those both were made with.
        more: entries added to ``metrics.json``.

    Returns:
        What the two files hold, None in it for NaN.
    """
    content = without_nan(
        {
            "dataset": dataset,
            "unit": "fractions, not per cent; null is undefined",
            "threshold": FIXED_THRESHOLD,
            "variants": asdict(variants),
            **summary,
            **more,
        }
    )
    rows = without_nan(list(records))
    write_json_atomic(Path(folder) / "metrics.json", content, indent=2)
    write_json_atomic(Path(folder) / "per_image.json", rows)
    return content, rows
