"""Edges that people make: how opaque an inserted region is at each pixel."""

from __future__ import annotations

import cv2
import numpy as np

from .masks import to_uint8

#: Pixels with a larger opacity are manipulated: what is fainter, the outer skirt of a soft edge, cannot be seen.
SHARE = 0.25


def opacity(mask: np.ndarray, edge: str, width: float, guide: np.ndarray) -> np.ndarray:
    """Opacity of a region.

    Args:
        mask: H x W bool.
        edge: "hard"; "antialiased", a ramp of about a pixel; "feathered", one of ``width`` pixels, half of it
            outside of the mask; "matting", soft where the image is: the mask filtered along the image's own edges
            (guided filter, He et al. 2010) within ``width`` pixels.
        width: pixels.
        guide: H x W x 3 uint8 RGB, the pixels to be inserted.

    Returns:
        H x W float32 in [0, 1].
    """
    alpha = mask.astype(np.float32)
    if edge == "antialiased":
        return cv2.GaussianBlur(alpha, (3, 3), 0.6)
    if edge == "feathered":
        side = max(2, round(width / 2))  # two box filters of half the width make a ramp of the whole
        for anchor in (side // 2, (side - 1) // 2):  # an even one shifts by half a pixel, the second one back
            alpha = cv2.blur(alpha, (side, side), anchor=(anchor, anchor))
        return alpha
    if edge == "matting":
        return _guided(alpha, guide, max(2, round(width)))
    return alpha


def composite(background: np.ndarray, patch: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The patch over the background (H x W x 3 uint8 RGB each), by H x W float32 opacity in [0, 1]."""
    mixed = background + alpha[:, :, None] * (patch.astype(np.float32) - background)
    return to_uint8(mixed)


def _guided(alpha: np.ndarray, guide: np.ndarray, radius: int) -> np.ndarray:
    side = (2 * radius + 1, 2 * radius + 1)
    grey = cv2.cvtColor(np.ascontiguousarray(guide), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    mean, target = cv2.blur(grey, side), cv2.blur(alpha, side)
    slope = (cv2.blur(grey * alpha, side) - mean * target) / (cv2.blur(grey * grey, side) - mean * mean + 2e-3)
    filtered = cv2.blur(slope, side) * grey + cv2.blur(target - slope * mean, side)
    return np.clip((filtered - 0.1) / 0.8, 0, 1)
