"""Small operations on H x W bool masks and on pixels."""

from __future__ import annotations

import cv2
import numpy as np


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of an H x W bool mask (all false where there is none)."""
    largest, box = np.zeros_like(mask), bounding_box(mask)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask[box].astype(np.uint8), connectivity=8)
    if count > 1:
        largest[box] = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest


def bounding_box(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """The window of an H x W bool mask that holds all its pixels and a margin; one pixel where there are none."""
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    top, left = max(0, y - margin), max(0, x - margin)
    return slice(top, max(top + 1, y + h + margin)), slice(left, max(left + 1, x + w + margin))


def to_uint8(values: np.ndarray | float) -> np.ndarray:
    """Pixels of 0 to 255, rounded, from floats of any shape."""
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)
