"""Copy-move: a region of an image a second time in the same image, transformed, not overlapping itself."""

from __future__ import annotations

import cv2
import numpy as np

from .compositing import blend, draw_edge, draw_warp, find_place, match_grain, warp_region
from .draft import Draft, Edit
from .regions import Segments, draw_region
from .splice import UNCHANGED


def copy_move(draft: Draft, segments: Segments, area: float, grain: float) -> Edit:
    """Copies a region elsewhere; the region copied, which is authentic, is the step's ``source``.

    Args:
        draft: of the image.
        segments: of the image.
        area: wanted area of the pasted region, pixels.
        grain: ``grain_level`` of the image.
    """
    image, preset, rng = draft.image, draft.preset, draft.rng
    warp = dict(UNCHANGED) if rng.random() < preset.moved_unchanged else draw_warp(preset, rng)
    source = draw_region(segments, area / warp["scale"] ** 2, preset, rng)
    # Two pixels between the two, so that an interpolated or feathered edge never touches its own source.
    barred = draft.occupied | cv2.dilate(source.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
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
