"""From ground-truth masks to instances: ONE way for every dataset.

A region is a connected piece of a mask (8-connectivity: pieces that touch at a corner are one), with its
holes. Each technique is cut by itself, so that touching regions of different techniques stay apart. Small regions,
below ``small_region_area``, are no instances (a box head cannot learn them), but they are manipulated pixels: they stay
in the complete mask that the mask branch trains on and the metrics compare with. A mask of nothing but small regions
gives its largest one, so that no forged image goes without an instance.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from pycocotools import mask as coco_mask

#: A region of fewer pixels is small in any image (5x5).
SMALL_REGION_PIXELS = 25
#: And so is one below this fraction of the image: 46x46 pixels at NIST16's 5616x3744, about 7 pixels wide
#: once the short side is 600. The smallest of 689 whole masks of CASIA v1, 0.14% of its image, is fourteen
#: times larger.
SMALL_REGION_FRACTION = 1e-4


def small_region_area(height: int, width: int) -> int:
    """Smallest area in pixels that makes an instance in an image of this size."""
    return max(SMALL_REGION_PIXELS, round(SMALL_REGION_FRACTION * height * width))


def annotate(masks: Mapping[str, np.ndarray], *, min_area: int | None = None) -> list[dict]:
    """Cuts masks into instances.

    Args:
        masks: technique name -> (H, W) bool ground-truth mask, True = manipulated; all of one shape.
        min_area: smallest area of an instance in pixels; default ``small_region_area`` of the shape.

    Returns:
        One dict per region, techniques in the order given, regions from top to bottom and left to right:
        ``category`` (technique name), ``bbox`` [x, y, width, height] in pixels (ints; a one-pixel region has
        width 1), ``area`` in pixels (int), ``iscrowd`` 0, ``segmentation`` compressed RLE in COCO's form
        (``size`` [H, W], ``counts`` str).

    Raises:
        ValueError: masks of different shapes, or not 2-dimensional bool.
    """
    shapes = {mask.shape for mask in masks.values()}
    if len(shapes) > 1 or any(mask.ndim != 2 or mask.dtype != np.bool_ for mask in masks.values()):
        raise ValueError(f"masks must be (H, W) bool of one shape, not {sorted(shapes)}")
    annotations = []
    for technique, mask in masks.items():
        bound = small_region_area(*mask.shape) if min_area is None else min_area
        annotations += [{"category": technique, **region} for region in _regions(mask, bound)]
    return annotations


def complete_mask(masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """The union of the masks of all techniques, small regions included: (H, W) bool."""
    return np.logical_or.reduce(list(masks.values()))


def _regions(mask: np.ndarray, min_area: int) -> list[dict]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if count < 2:
        return []
    areas = stats[1:, cv2.CC_STAT_AREA]
    instance_labels = 1 + np.flatnonzero(areas >= min_area) if areas.max() >= min_area else [1 + int(areas.argmax())]
    regions = []
    for label in instance_labels:
        x, y, width, height, area = (int(value) for value in stats[label])
        crop = labels[y : y + height, x : x + width] == label
        regions.append(
            {"bbox": [x, y, width, height], "area": area, "iscrowd": 0, "segmentation": rle(crop, x, y, mask.shape)}
        )
    return sorted(regions, key=lambda region: (region["bbox"][1], region["bbox"][0]))


def rle(crop: np.ndarray, x: int, y: int, size: tuple[int, int]) -> dict:
    """Compressed RLE of a mask that is False outside of a crop, without making the full-size mask.

    pycocotools encodes full-size arrays, which costs a 21-megapixel copy per region of a NIST16 probe; runs
    can be shifted instead.

    Args:
        crop: (h, w) bool, lies within the image.
        x, y: column and row of the crop's first pixel.
        size: (H, W) of the image.

    Returns:
        ``{"size": [H, W], "counts": str}`` as ``pycocotools.mask.encode`` gives (counts as str, for JSON).
    """
    height, width = size
    columns = np.zeros((crop.shape[1], crop.shape[0] + 2), np.int8)  # (w, h + 2): column-major, ends closed
    columns[:, 1:-1] = crop.T
    steps = np.diff(columns, axis=1)
    column, row = np.nonzero(steps > 0)
    starts = (column + x) * height + row + y
    column, row = np.nonzero(steps < 0)
    ends = (column + x) * height + row + y
    # A run that ends at the image's lower edge goes on at the top of the next column.
    joined = starts[1:] == ends[:-1]
    if joined.any():
        starts, ends = starts[np.r_[True, ~joined]], ends[np.r_[~joined, True]]
    edges = np.stack([starts, ends], axis=1).ravel()
    counts = np.diff(np.r_[0, edges, height * width])
    if counts[-1] == 0:
        counts = counts[:-1]
    encoded = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}
