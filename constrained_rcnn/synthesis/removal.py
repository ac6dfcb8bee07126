"""Removal: an object replaced by what might have been behind it."""

from __future__ import annotations

import cv2
import numpy as np

from .compositing import blend, match_grain
from .draft import Draft, Edit
from .masks import to_uint8
from .regions import Segments, draw_region

METHODS = ("telea", "navier-stokes", "patches")


def removal(draft: Draft, segments: Segments, area: float, grain: float) -> Edit:
    """Fills a region from its surroundings.

    Args:
        draft: of the image.
        segments: of the image.
        area: wanted area, pixels.
        grain: ``grain_level`` of the image.
    """
    image, preset, rng = draft.image, draft.preset, draft.rng
    for _ in range(12):
        mask = draw_region(segments, area, preset, rng)
        if segments.objects:  # with a margin, as a person marks what has to go
            mask = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        suitable = bool(segments.objects) or 0.5 * area <= mask.sum() <= 1.5 * area
        if suitable and not (mask & draft.occupied).any():
            break
    else:
        return None
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    window = np.s_[max(0, y - 8) : y + h + 8, max(0, x - 8) : x + w + 8]
    small = mask.mean() <= preset.diffused
    method = METHODS[rng.integers(3)] if small else "patches"
    if method == "patches":
        patch = fill_by_patches(draft, mask, preset.averaged)
        if patch is None:
            return None
    else:
        patch = fill_by_diffusion(image, mask, method)
    matched = bool(rng.random() < preset.matched_grain)
    if method == "patches" and preset.averaged == 1:
        matched = False  # what was copied has the image's own grain
    if matched:
        patch[window] = match_grain(patch[window], mask[window], grain, preset, rng)
    edge = "feathered" if rng.random() < 0.5 else "hard"
    if method == "patches" and preset.cloned and rng.random() < preset.cloned:
        edge = "poisson"
    return blend(image, patch, mask, edge, 1.0), mask, {"method": method, "edge": edge, "grain": matched}


def fill_by_diffusion(image: np.ndarray, mask: np.ndarray, method: str) -> np.ndarray:
    """Inpaints by OpenCV's Telea or Navier-Stokes method, on a window around the region only.

    Args:
        image: H x W x 3 uint8 RGB.
        mask: H x W bool.
        method: "telea" or "navier-stokes".

    Returns:
        H x W x 3 uint8 RGB.
    """
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    window = np.s_[max(0, y - 12) : y + h + 12, max(0, x - 12) : x + w + 12]
    flag = cv2.INPAINT_TELEA if method == "telea" else cv2.INPAINT_NS
    filled = image.copy()
    hole = mask[window].astype(np.uint8)
    filled[window] = cv2.inpaint(np.ascontiguousarray(image[window]), hole, 4, flag)
    return filled


def fill_by_patches(draft: Draft, mask: np.ndarray, count: int) -> np.ndarray | None:
    """Fills a region with shifted copies of the image that fit its rim, averaged as patch voting does.

    Shifts are compared by the squared difference on a rim around the region; the best ones are levelled to
    the rim's brightness and averaged with smooth random weights, so that each dominates somewhere.

    Args:
        draft: of the image; what is occupied serves as no source.
        mask: H x W bool, the region to fill.
        count: how many shifts to average.

    Returns:
        H x W x 3 uint8 RGB, or None where the region is too large to be covered by a shift.
    """
    image, rng = draft.image, draft.rng
    height, width = mask.shape
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    top, left = max(0, y - 6), max(0, x - 6)
    bottom, right = min(height, y + h + 6), min(width, x + w + 6)
    window = np.s_[top:bottom, left:right]
    hole = mask[window]
    rim = cv2.dilate(hole.astype(np.uint8), np.ones((11, 11), np.uint8)).astype(bool) & ~hole
    rim_pixels = image[window][rim].astype(np.int32)
    barred = mask | draft.occupied
    sources = []
    for _ in range(150):
        row = int(rng.integers(height - (bottom - top) + 1))
        column = int(rng.integers(width - (right - left) + 1))
        view = np.s_[row : row + bottom - top, column : column + right - left]
        if barred[view][hole].any():
            continue
        source_pixels = image[view][rim].astype(np.int32)
        offset = (rim_pixels - source_pixels).mean(0)
        sources.append(
            (float(((rim_pixels - source_pixels - offset) ** 2).mean() + 0.3 * (offset**2).mean()), view, offset)
        )
    if not sources:
        return None
    sources.sort(key=lambda item: item[0])
    total, weights = 0.0, 0.0
    for _, view, offset in sources[:count]:
        coarse = rng.random((max(2, (bottom - top) // 12), max(2, (right - left) // 12)), dtype=np.float32)
        weight = cv2.resize(coarse, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)[:, :, None]
        weight = weight + 0.1  # no shift vanishes anywhere
        levelled = image[view].astype(np.float32) + np.clip(offset, -40, 40).astype(np.float32)
        total = total + weight * levelled
        weights = weights + weight
    filled = image.copy()
    filled[window] = to_uint8(total / weights)
    return filled
