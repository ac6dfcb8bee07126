"""How often duplicated regions are found where there are some, and where there are none (NumPy and OpenCV only)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..images.reading import read_image, read_mask
from ..matching.copy_move import find_repeats
from ..matching.suspects import CopyMove, detect_copy_moves
from ..utils.errors import UserError
from .map_files import find_maps, read_map
from .metrics.confidence import bootstrap_interval
from .metrics.pixel import check_score_map
from .table import format_rows, interval_text

#: Least overlap (intersection over union) of a region or its twin with the ground truth to be at its place.
LEAST_OVERLAP = 0.5
#: Shares of a copy's area inside, and of its original's inside of the mask: then it is known which is the copy.
COPY_INSIDE, ORIGINAL_INSIDE = 0.7, 0.3


def evaluate_copy_move(
    dataset_dicts: Sequence[Mapping[str, Any]],
    maps: str | Path | None = None,
    *,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, dict[str, Any]]:
    """
    Args:
        dataset_dicts: as in :func:`.metrics.records.image_record`.
        maps: folder of the network's own maps of these images (``TEST.REPEATS False``), see
            :func:`.map_files.find_maps`. With them doubtful pairs count as in :func:`detect_copy_moves`.
        progress: wraps the iteration over the images, for instance ``tqdm``.

    Returns:
        "authentic" or a technique -> ``images``; ``found`` (fraction of the images with a finding), ``interval``
        (of ``found``, a bootstrap over source groups); ``in_place`` (fraction with one that overlaps the mask by
        ``LEAST_OVERLAP``; NaN where there are no masks). With maps also ``pairs`` (of regions of which the mask covers
        one alone), ``told`` (fraction of them in which the map says which is the copy) and ``right`` (fraction of
        those in which it is; NaN where there are none).

    Raises:
        UserError: an image, mask or map cannot be read, or an image has no map.
    """
    files = None if maps is None else find_maps(maps, dataset_dicts)
    rows: dict[str, list[dict]] = {}
    for number, item in enumerate(progress(dataset_dicts)):
        kind = "authentic" if item.get("authentic", False) else item.get("technique") or "tampered"
        image = read_image(item["file_name"], format="BGR")
        copy_moves = None if files is None else detect_copy_moves(image, _map_of(item, files))
        pairs = find_repeats(image) if copy_moves is None else [copy_move.regions for copy_move in copy_moves]
        row = {"group": str(item.get("group") or f"image {number}"), "found": bool(pairs), "in_place": None}
        mask = None if kind == "authentic" else item.get("mask_file_name")
        if mask is not None:
            truth = read_mask(mask, size=(item["height"], item["width"]))
            overlaps = [overlap(region, truth) for pair in pairs for region in (pair.first, pair.second)]
            row["in_place"] = max(overlaps, default=0.0) >= LEAST_OVERLAP
            if copy_moves is not None:
                row["copies"] = _rightly_told_copies(copy_moves, truth)
        rows.setdefault(kind, []).append(row)
    return {kind: _summary(rows[kind], files is not None) for kind in sorted(rows)}


def copy_move_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What :func:`evaluate_copy_move` returns as text, in per cent."""
    head = ["images", "number", "duplicated regions found (%)", "95% interval", "at the ground truth's place (%)"]
    has_pairs = any("pairs" in entry for entry in results.values())
    rows = [head + ["pairs of copy and original", "copy told (%)", "rightly (% of these)"] * has_pairs]
    for kind, entry in results.items():
        found_share, in_place = (f"{100 * entry[key]:.2f}" for key in ("found", "in_place"))
        rows.append([kind, str(entry["images"]), found_share, interval_text(entry["interval"]), in_place])
        if has_pairs:
            rows[-1] += [str(entry["pairs"]), *(f"{100 * entry[key]:.2f}" for key in ("told", "right"))]
    return format_rows(rows)


def _summary(rows: list[dict], with_maps: bool) -> dict[str, Any]:
    detected = [row["found"] for row in rows]
    result = {
        "images": len(rows),
        "found": _mean(detected),
        "interval": bootstrap_interval(detected, [row["group"] for row in rows]),
        "in_place": _mean([row["in_place"] for row in rows if row["in_place"] is not None]),
    }
    if with_maps:
        copies = [correct for row in rows for correct in row.get("copies", ())]
        decided = [correct for correct in copies if correct is not None]
        share_told = _mean([correct is not None for correct in copies])
        result |= {"pairs": len(copies), "told": share_told, "right": _mean(decided)}
    return result


def _rightly_told_copies(copy_moves: tuple[CopyMove, ...], truth: np.ndarray) -> list[bool | None]:
    """For each pair of which the mask covers one alone, whether the map says so; None where it says nothing."""
    correct = []
    for copy_move in copy_moves:
        small = _resized(truth, copy_move.regions.first.shape)
        inside = {name: small[getattr(copy_move.regions, name)].mean() for name in ("first", "second")}
        original, copy = sorted(inside, key=inside.get)
        if inside[copy] >= COPY_INSIDE and inside[original] <= ORIGINAL_INSIDE:
            likelier_copy = copy_move.likelier_copy
            correct.append(None if likelier_copy is None else likelier_copy == copy)
    return correct


def _map_of(item: Mapping[str, Any], files: Mapping) -> np.ndarray:
    """The image's map, (H, W) float32 in [0, 1]."""
    path = files.get(item["image_id"])
    if path is None:
        raise UserError(f"{item['file_name']}: no map; save those of the whole dataset (TEST.SAVE_MAPS True)")
    try:
        score_map = check_score_map(read_map(path).score_map)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    if score_map.shape != (item["height"], item["width"]):
        raise UserError(f"{path}: {score_map.shape} pixels, its image has {(item['height'], item['width'])}")
    white = np.iinfo(score_map.dtype).max if score_map.dtype.kind == "u" else 1
    return score_map.astype(np.float32) / white


def _mean(values: list) -> float:
    return float(np.mean(values)) if values else float("nan")


def _resized(truth: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return cv2.resize(truth.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) > 0


def overlap(region: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of a region, (h, w) bool, with a mask of the whole image, (H, W) bool, brought to its
    size; nothing of either is 0."""
    small = _resized(truth, region.shape)
    return float((region & small).sum() / max(1, (region | small).sum()))
