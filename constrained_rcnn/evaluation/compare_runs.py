"""Reading what two evaluations have written, and comparing them (no Torch)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..utils.errors import UserError
from .coco.confidence import RESAMPLES as AP_RESAMPLES
from .coco.confidence import compare_ap_of_folders
from .metrics.confidence import LEVEL, RESAMPLES, compare, group_labels
from .metrics.records import PLAIN, MetricVariants

#: Keys that a record must have to be compared.
KEYS = ("image_id", "file_name", "authentic", "technique", "score", "pixel", "skipped", "predicted")


def compare_files(first: str | os.PathLike, second: str | os.PathLike) -> tuple[dict[str, dict[str, Any]], str]:
    """Compares two runs over the images that both have scored.

    Args:
        first, second: ``per_image.json`` of each, or its folder. The variants are read from ``metrics.json`` beside it.

    Returns:
        What :func:`.metrics.confidence.compare` returns, with COCO AP ("bbox/AP" and so on) where both runs have
        left their instances beside, and a line that says over how many images and groups.

    Raises:
        UserError: a file cannot be read, the variants differ, the truth differs, or there is no common image.
    """
    first, second = (Path(path, "per_image.json") if Path(path).is_dir() else Path(path) for path in (first, second))
    runs = [read_records(path) for path in (first, second)]
    variants = [read_variants(path) for path in (first, second)]
    known_variants = [v for v in variants if v is not None]
    if len(known_variants) == 2 and known_variants[0] != known_variants[1]:
        raise UserError(
            f"{first} and {second} were made with other variants: {known_variants[0]} and {known_variants[1]}"
        )
    common = sorted(runs[0].keys() & runs[1].keys(), key=lambda key: (str(type(key)), key))
    if not common:
        raise UserError(f"{first} and {second} have no image in common; compare runs over one dataset")
    for key in common:
        a, b = runs[0][key], runs[1][key]
        if os.path.basename(a["file_name"]) != os.path.basename(b["file_name"]) or a["authentic"] != b["authentic"]:
            raise UserError(f"image {key} is {a['file_name']} in {first} and {b['file_name']} in {second}")
    aligned = [[run[key] for key in common] for run in runs]
    pairs = [(a, b) for a, b in zip(*aligned) if bool(a["skipped"]) == bool(b["skipped"])]
    first_records, second_records = [a for a, _ in pairs], [b for _, b in pairs]
    comparison = compare(first_records, second_records, known_variants[0] if known_variants else PLAIN)
    comparison |= compare_ap_of_folders(first.parent, second.parent, first_records)
    groups = int(group_labels(first_records).max(initial=-1)) + 1
    unpaired = sum(len(run) for run in runs) - 2 * len(pairs)
    draws = f"{RESAMPLES} paired draws ({AP_RESAMPLES} of AP)"
    description = f"{len(pairs)} images in {groups} groups, {draws}, {LEVEL:.0%} intervals"
    return comparison, description + (f"; {unpaired} records without a partner left out" if unpaired else "")


def read_records(path: str | os.PathLike) -> dict[int | str, dict]:
    """image id -> record. Raises UserError where the file is none of an evaluation's."""
    records = _read(path)
    if not isinstance(records, list) or not all(isinstance(r, dict) and all(k in r for k in KEYS) for r in records):
        raise UserError(f"{path}: not a per_image.json of an evaluation; give one that --eval-only has written")
    return {record["image_id"]: record for record in records}


def read_variants(path: str | os.PathLike) -> MetricVariants | None:
    """The variants in ``metrics.json`` beside a ``per_image.json``; None where there is none."""
    metrics_file = Path(path).with_name("metrics.json")
    if not metrics_file.is_file():
        return None
    content = _read(metrics_file)
    try:
        return MetricVariants(**content["variants"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{metrics_file}: not a metrics.json of an evaluation ({error})") from None


def _read(path: str | os.PathLike) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; evaluate first") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
