"""Copy-move: a region of an image a second time in the same image, transformed, not overlapping itself."""

from __future__ import annotations

import cv2
import numpy as np

from .compositing import blend, draw_edge, draw_warp, find_place, match_grain, warp_region
from .presets import Preset
from .regions import Segments, draw_region
from .splice import UNCHANGED


def copy_move(
    image: np.ndarray,
    segments: Segments,
    area: float,
    grain: float,
    preset: Preset,
    rng: np.random.Generator,
    taken: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, dict] | None:
    """Copies a region elsewhere.

    Args:
        image: H x W x 3 uint8 RGB.
        segments: of the image.
        area: wanted area of the pasted region, pixels.
        grain: ``grain_level`` of the image.
        taken: H x W bool, pixels that must stay as they are (other forged regions).

    Returns:
        The image, the pasted region (H x W bool; the source region is authentic) and a description with
        ``source`` (the copied region, H x W bool); None where no place was found.
    """
    warp = dict(UNCHANGED) if rng.random() < preset.moved_unchanged else draw_warp(preset, rng)
    source = draw_region(segments, area / warp["scale"] ** 2, preset, rng)
    # Two pixels between the two, so that an interpolated or feathered edge never touches its own source.
    barred = taken | cv2.dilate(source.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    place = find_place(
        image, *warp_region(image, source, warp), barred, rng, compared=preset.places, texture=preset.texture
    )
    if place is None:
        return None
    window, patch, inside = place
    matched = bool(rng.random() < preset.matched_grain)
    if matched:
        patch = match_grain(patch, inside, grain, preset, rng)
    edge, soft = draw_edge(preset, rng)
    forged = image.copy()
    forged[window] = blend(image[window], patch, inside, edge, soft)
    mask = np.zeros(image.shape[:2], bool)
    mask[window] = inside
    return forged, mask, {"warp": warp, "edge": edge, "grain": matched, "source": source}
