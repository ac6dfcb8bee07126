"""Witness: noise. One camera's noise depends on brightness alone; a region with another noise came another way."""

from __future__ import annotations

import numpy as np

from .exhibit import Exhibit
from .finding import Level, Observation
from .outliers import outliers
from .rates import level_of
from .suitability import unsuitable

TITLE = "Noise"
EXAMINED = "the level of noise against brightness, in blocks across the borders of JPEG's"
LOOK_FOR = (
    "A whole object whose noise is unlike that of everything else of its brightness. Compare it with things of "
    "the same kind at the same distance."
)
IGNORE = (
    "Fine texture (hair, grass, cloth) counts as noise; what is out of focus has less of it. Phones smooth faces "
    "and skies more than the rest."
)
INNOCENT = (
    "fine texture, or parts out of focus",
    "a phone's own noise reduction, portrait blur, or several exposures joined",
    "strong JPEG compression, which takes the noise of smooth parts away",
)

#: Frequencies (u + v) that count as noise, and those that tell texture.
_NOISE, _TEXTURE = (6, 10), (1, 3)
#: Typical amplitude below which there is no noise left to compare; rounding to grey levels alone makes 0.29.
_LEAST = 0.45


def observe(exhibit: Exhibit) -> Observation:
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"Noise cannot be judged: {why}.")
    blocks = exhibit.shifted_blocks
    level, both = (
        np.sqrt(np.square(blocks.values[..., _band(*limits)]).mean(axis=-1)) for limits in (_NOISE, _TEXTURE)
    )
    # Noise has the same power at all frequencies: what is more of it at low ones is texture.
    texture = np.sqrt(np.maximum(both**2 - level**2, 0))
    brightness = blocks.values[..., 0, 0] / 8 + 128
    typical = float(np.median(level)) if level.size else 0.0
    if typical < _LEAST:
        return Observation(
            Level.CANNOT_BE_JUDGED,
            "Compression or smoothing left no noise to compare.",
            facts={"typical_amplitude": round(typical, 3)},
        )
    usable = (brightness > 10) & (brightness < 245)
    found = outliers(np.log(level + 0.1), usable, (np.log(texture + 1), brightness), lower=True)
    if found is None:
        return Observation(Level.CANNOT_BE_JUDGED, "Too little of the image can be used: it is too small or too flat.")
    word = level_of("noise", found.strength, exhibit.luma.size)
    regions = () if word is Level.NOTHING_FOUND else found.regions("noise", blocks.pixels, exhibit.luma.shape, 4)
    return Observation(
        word,
        _SENTENCES[word],
        map=exhibit.upright(found.shown("noise")),
        regions=tuple(map(exhibit.upright_region, regions)),
        facts={
            "strength": round(found.strength, 2),
            "typical_amplitude": round(typical, 3),
            "amplitude_by_brightness": _by_brightness(level, brightness),
        },
    )


_SENTENCES = {
    Level.NOTHING_FOUND: "No region's noise is unlike that of the rest of its brightness.",
    Level.WEAK: "A region's noise is a little unlike that of the rest; many untouched images show as much.",
    Level.MODERATE: "A region's noise is unlike that of the rest of its brightness.",
    Level.STRONG: "A region's noise is clearly unlike that of the rest of its brightness.",
}


def _band(low: int, high: int) -> np.ndarray:
    """(8, 8) bool of the frequencies with low <= u + v <= high."""
    order = np.add.outer(np.arange(8), np.arange(8))
    return (order >= low) & (order <= high)


def _by_brightness(level: np.ndarray, brightness: np.ndarray) -> dict[str, float]:
    """Median amplitude in eighths of the grey scale, where there are enough blocks."""
    found = {}
    for low in range(0, 256, 32):
        inside = level[(brightness >= low) & (brightness < low + 32)]
        if inside.size >= 30:
            found[f"{low}-{low + 31}"] = round(float(np.median(inside)), 3)
    return found
