"""Splice: an object of one photo on another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compositing import blend, draw_edge, draw_warp, find_place, match_colour, match_grain, warp_region
from .presets import Preset
from .regions import Segments, draw_region

UNCHANGED: dict[str, Any] = {"scale": 1.0, "angle": 0.0, "flip": False, "interpolation": "linear"}


def splice(
    image: np.ndarray,
    donor: Segments,
    area: float,
    grain: float,
    preset: Preset,
    rng: np.random.Generator,
    taken: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, dict] | None:
    """Pastes a region of the donor.

    Args:
        image: H x W x 3 uint8 RGB, the background (maybe forged already elsewhere).
        donor: segments of the donor.
        area: wanted area of the pasted region, pixels.
        grain: ``grain_level`` of the background.
        taken: H x W bool, pixels that must stay as they are (other forged regions).

    Returns:
        The image, the region (H x W bool) and a description; None where no place was found.
    """
    warp = dict(UNCHANGED) if rng.random() < preset.spliced_unchanged else draw_warp(preset, rng)
    source = draw_region(donor, area / warp["scale"] ** 2, preset, rng)
    place = find_place(
        image, *warp_region(donor.image, source, warp), taken, rng, compared=preset.places, texture=preset.texture
    )
    if place is None:
        return None
    window, patch, inside = place
    under = image[window]
    if rng.random() < preset.matched_colour:
        patch = match_colour(patch, inside, under, rng)
    matched = bool(rng.random() < preset.matched_grain)
    if matched:
        patch = match_grain(patch, inside, grain, preset, rng)
    edge, soft = draw_edge(preset, rng)
    forged = image.copy()
    forged[window] = blend(under, patch, inside, edge, soft)
    mask = np.zeros(image.shape[:2], bool)
    mask[window] = inside
    return forged, mask, {"warp": warp, "edge": edge, "grain": matched}
