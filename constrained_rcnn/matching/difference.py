"""Where a difference between two images is more than compression makes."""

from __future__ import annotations

import cv2
import numpy as np

# Each number chosen on the groups of casia_v1_train.
#: Standard deviation of the blur of each channel's difference, in pixels; the caller's.
BLUR = 0.4
#: What stands out is so many median absolute deviations above the median, ...
SPREADS = 4.0
#: ... and at least so many grey levels.
LEAST_LEVELS = 12.0
#: Sides in pixels of the median filter and of the closing disc.
GRAINS, CLOSING = 5, 9


def standing_out(levels: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """Threshold from the median and spread of what did not change; median filter against grains; closing; holes filled.

    Args:
        levels: (H, W) float32, 0 and more: how much two images differ, grey levels.
        quiet: float32 of any shape, not empty: the same kind of levels, most of them where nothing changed.

    Returns:
        (H, W) bool.
    """
    median = float(np.median(quiet))
    spread = float(np.median(np.abs(quiet - median)))
    mask = (levels > median + max(SPREADS * spread, LEAST_LEVELS)).astype(np.uint8)
    mask = cv2.medianBlur(mask, GRAINS)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CLOSING, CLOSING))
    mask = cv2.morphologyEx(np.pad(mask, CLOSING), cv2.MORPH_CLOSE, disc)[CLOSING:-CLOSING, CLOSING:-CLOSING]
    return fill_holes(mask.astype(bool))


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """An (H, W) bool mask with its holes: background (4-connected) that does not reach the image's border."""
    canvas = mask.astype(np.uint8)
    outlines, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED).view(bool)
