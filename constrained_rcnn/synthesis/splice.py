"""Splice: an object of one photo on another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compositing import blend, draw_edge, draw_warp, find_place, match_colour, match_grain, warp_region
from .draft import Draft, Edit
from .regions import Segments, draw_region

UNCHANGED: dict[str, Any] = {"scale": 1.0, "angle": 0.0, "flip": False, "interpolation": "linear"}


def splice(draft: Draft, donor: Segments, area: float, grain: float) -> Edit:
    """Pastes a region of the donor.

    Args:
        draft: the background.
        donor: segments of the donor.
        area: wanted area of the pasted region, pixels.
        grain: ``grain_level`` of the background.
    """
    image, preset, rng = draft.image, draft.preset, draft.rng
    warp = dict(UNCHANGED) if rng.random() < preset.spliced_unchanged else draw_warp(preset, rng)
    source = draw_region(donor, area / warp["scale"] ** 2, preset, rng)
    place = find_place(
        image,
        *warp_region(donor.image, source, warp),
        draft.occupied,
        rng,
        compared=preset.places,
        texture=preset.texture,
    )
    if place is None:
        return None
    window, patch, inside = place
    covered = image[window]
    if rng.random() < preset.matched_colour:
        patch = match_colour(patch, inside, covered, rng)
    matched = bool(rng.random() < preset.matched_grain)
    if matched:
        patch = match_grain(patch, inside, grain, preset, rng)
    edge, soft = draw_edge(preset, rng)
    forged = image.copy()
    forged[window] = blend(covered, patch, inside, edge, soft)
    mask = np.zeros(image.shape[:2], bool)
    mask[window] = inside
    return forged, mask, {"warp": warp, "edge": edge, "grain": matched}
