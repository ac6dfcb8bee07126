"""Witness: JPEG ghosts (Farid, TIFS 2009). A part that was once saved at a lower quality than the rest hardly changes
when it is quantised at that quality again."""

from __future__ import annotations

import numpy as np

from .exhibit import Exhibit
from .finding import Level, Observation
from .jpeg_tables import standard_luma
from .outliers import Outliers, outliers
from .rates import level_of
from .suitability import unsuitable

TITLE = "JPEG ghosts"
EXAMINED = "whether a part of the image fits a lower JPEG quality better than the rest does"
LOOK_FOR = (
    "A whole object that lights up at one quality: it may have been saved as JPEG at that quality before. Its "
    "outline should be that of something in the image."
)
IGNORE = "Flat areas and scattered spots. Parts whose blocks no longer lie on the grid cannot show at all."
INNOCENT = (
    "a collage or caption that was put together openly",
    "areas of fine texture, or out of focus, that lose nothing at any quality",
)

#: Qualities that are tried.
QUALITIES = (50, 60, 65, 70, 75, 80, 85, 90)


def observe(exhibit: Exhibit) -> Observation:
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"JPEG ghosts cannot be judged: {why}.")
    blocks = exhibit.blocks
    values = blocks.values
    energy = np.square(values).sum(axis=(2, 3)) - np.square(values[..., 0, 0])
    texture = np.log(np.sqrt(np.maximum(energy, 0)) + 1)
    usable = (np.abs(values[..., 0, 0]) < 960) & (energy > 64)
    best: tuple[float, int, Outliers] | None = None
    strengths = {}
    for quality in QUALITIES:
        table = standard_luma(quality).reshape(8, 8).astype(np.float32)
        scaled = values * (1 / table)
        error = np.square((scaled - np.rint(scaled)) * table).mean(axis=(2, 3))
        found = outliers(-np.log(error + 0.05), usable, (texture,))
        if found is None:
            return Observation(Level.CANNOT_BE_JUDGED, "Too little of the image can be used: it is too small or flat.")
        strengths[str(quality)] = round(found.strength, 2)
        if best is None or found.strength > best[0]:
            best = found.strength, quality, found
    strength, quality, found = best
    word = level_of("jpeg_ghosts", strength, exhibit.luma.size)
    nothing = word is Level.NOTHING_FOUND
    regions = () if nothing else found.regions("jpeg_ghosts", blocks.pixels, exhibit.luma.shape)
    sentence = f"At quality {quality} a region changes less than others of its texture"
    return Observation(
        word,
        "No region fits a lower JPEG quality better than the rest does." if nothing
        else f"{sentence}; many untouched images show as much." if word is Level.WEAK
        else f"{sentence}, as what was saved at that quality before does.",
        map=exhibit.upright(found.shown("jpeg_ghosts")),
        regions=tuple(map(exhibit.upright_region, regions)),
        facts={"strength": round(strength, 2), "quality": quality, "strength_by_quality": strengths},
    )  # fmt: skip
