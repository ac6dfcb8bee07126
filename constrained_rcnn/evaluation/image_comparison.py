"""How well image comparison finds originals, sources and altered regions, and how often it finds what is not there.

Ground truth are a dataset's groups (images that come from one another share one) and masks. NumPy and OpenCV only.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np

from ..images.reading import read_image, read_mask
from ..matching.image_pairs import Described, compare, describe
from ..utils.errors import UserError
from .copy_move import overlap
from .metrics.confidence import bootstrap_interval
from .perturbations import jpeg
from .table import format_rows, interval_text

#: Order of the table's rows and what each means.
ROWS = {
    "original_found": "tampered image and an authentic one: versions of one image",
    "altered_iou": "of these: IoU of what differs with the ground-truth mask",
    "source_found": "splice and another authentic image: a shared region only",
    "false_pairs": "images of different groups in which a shared region is found",
}


def evaluate_comparison(
    dataset_dicts: Sequence[Mapping[str, Any]],
    *,
    others: int = 20,
    scale: float = 1.0,
    quality: int | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, dict[str, Any]]:
    """Compares every tampered image with all authentic ones of its group, and with some of other groups.

    Args:
        dataset_dicts: as in :func:`.metrics.records.image_record`, with ``group``.
        others: authentic images of other groups that each tampered one is compared with, chosen with a fixed seed.
        scale, quality: the tampered images are scaled by this and compressed as JPEG with this quality before.
        progress: wraps the iteration over the tampered images, for instance ``tqdm``.

    Returns:
        Names of ``ROWS`` -> ``number`` (of images, of pairs for ``false_pairs``), ``mean`` (a fraction), ``interval``
        (95%, a bootstrap over groups). An image's best-overlapping version counts for ``altered_iou``.

    Raises:
        UserError: an image or mask cannot be read, or no image has a group, or none is tampered.
    """
    if not any(item.get("group") for item in dataset_dicts):
        raise UserError("no image of this dataset has a group; it cannot be told which images belong together")
    authentic = [item for item in dataset_dicts if item.get("authentic", False)]
    tampered = [item for item in dataset_dicts if not item.get("authentic", False)]
    if not authentic or not tampered:
        raise UserError("the dataset must have tampered and authentic images")
    chance = random.Random(0)
    descriptions: dict[str, Described] = {}
    values: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for item in progress(tampered):
        image = _changed(read_image(item["file_name"], format="BGR"), scale, quality)
        described, group = describe(image), str(item["group"])
        strangers = [other for other in authentic if str(other["group"]) != group]
        sampled = chance.sample(strangers, min(others, len(strangers)))
        original, source, overlaps = False, False, []
        for other in [*(other for other in authentic if str(other["group"]) == group), *sampled]:
            if other["file_name"] not in descriptions:  # not its pixels: there may be thousands
                reader = partial(read_image, other["file_name"], format="BGR")
                descriptions[other["file_name"]] = describe(reader(), reader)
            shared = compare(descriptions[other["file_name"]], described)
            if str(other["group"]) != group:
                values["false_pairs"].append((group, float(bool(shared))))
                continue
            versions = [region for region in shared if region.same_picture]
            original |= bool(versions)
            source |= bool(shared) and not versions
            if versions and item.get("mask_file_name") is not None:
                overlaps.append(_overlap(versions[0].second_altered, item))
        values["original_found"].append((group, float(original)))
        if item.get("technique") == "splice":
            values["source_found"].append((group, float(source)))
        if overlaps:
            values["altered_iou"].append((group, max(overlaps)))
    return {name: _summary(values[name]) for name in ROWS}


def comparison_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What :func:`evaluate_comparison` returns as text, in per cent."""
    rows = [["what", "number", "mean (%)", "95% interval"]]
    for name, meaning in ROWS.items():
        entry = results[name]
        rows.append([meaning, str(entry["number"]), f"{100 * entry['mean']:.2f}", interval_text(entry["interval"])])
    return format_rows(rows)


def _summary(values: list[tuple[str, float]]) -> dict[str, Any]:
    if not values:
        return {"number": 0, "mean": float("nan"), "interval": (float("nan"), float("nan"))}
    groups, numbers = zip(*values)
    return {"number": len(numbers), "mean": float(np.mean(numbers)), "interval": bootstrap_interval(numbers, groups)}


def _changed(image: np.ndarray, scale: float, quality: int | None) -> np.ndarray:
    if scale != 1:
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
    return image if quality is None else jpeg(image, quality)


def _overlap(altered: np.ndarray, item: Mapping[str, Any]) -> float:
    """Intersection over union of (h, w) bool with the image's mask."""
    return overlap(altered, read_mask(item["mask_file_name"], size=(item["height"], item["width"])))
