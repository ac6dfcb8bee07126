"""Small operations on H x W bool masks."""

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


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """An H x W bool mask with its holes filled."""
    filled, box = np.zeros(mask.shape, bool), bounding_box(mask)
    canvas = mask[box].astype(np.uint8)
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    filled[box] = canvas
    return filled


def bounding_box(mask: np.ndarray, margin: int = 0) -> tuple[slice, slice]:
    """The window of an H x W bool mask that holds all its pixels and a margin; one pixel where there are none."""
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    top, left = max(0, y - margin), max(0, x - margin)
    return slice(top, max(top + 1, y + h + margin)), slice(left, max(left + 1, x + w + margin))
