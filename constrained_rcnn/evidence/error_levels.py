"""Witness: error-level analysis. What was pasted in may change more, or less, when the image is saved once more.

The map that people know is shown; what counts is a window whose error is unlike that of windows of the same texture
and brightness, because texture alone makes error high.
"""

from __future__ import annotations

import cv2
import numpy as np

from .blocks import step_for
from .exhibit import Exhibit
from .finding import Level, Observation
from .outliers import outliers
from .rates import level_of
from .suitability import unsuitable

TITLE = "Error levels (ELA)"
EXAMINED = "how much each part of the image changes when it is saved once more as JPEG of quality 90"
LOOK_FOR = (
    "A whole object that is brighter or darker than other parts of the same texture and brightness. Compare like "
    "with like: skin with skin, wall with wall."
)
IGNORE = (
    "Edges, foliage and lettering are always bright, and sky and walls always dark: that is texture, not editing. "
    "Strong colours are bright, too."
)
INNOCENT = (
    "texture, contrast and colours that differ from the rest of the image",
    "captions, logos and frames that software adds",
    "sharpening, or blur in front of and behind the focus",
)

QUALITY = 90
#: Side of the tiles that are saved, pixels: a JPEG's unit with halved chroma.
_TILE = 16
_MOST_TILES = 6_000
#: Side of the cells whose mean errors are compared, pixels.
_CELL = 8
#: How much brighter the errors are shown.
_BRIGHTER = 15


def observe(exhibit: Exhibit) -> Observation:
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"Error levels cannot be judged: {why}.")
    tiles, step = _tiles(exhibit.pixels)
    error = cv2.absdiff(tiles, _saved(tiles))
    grey = cv2.cvtColor(tiles, cv2.COLOR_BGR2GRAY).astype(np.float32)
    level = np.log(_means(error.max(axis=2).astype(np.float32)) + 0.1)
    brightness = _means(grey)
    texture = np.log(np.sqrt(np.maximum(_means(grey * grey) - brightness**2, 0)) + 0.5)
    usable = (brightness > 8) & (brightness < 247)
    found = outliers(level, usable, (texture, brightness), lower=True)
    if found is None:
        return Observation(Level.CANNOT_BE_JUDGED, "Too little of the image can be used: it is too small or too flat.")
    word = level_of("error_levels", found.strength, exhibit.luma.size)
    # A large image's cells come in pairs; the map is drawn as if they were evenly spread.
    pixels = _CELL * step
    return Observation(
        word,
        _SENTENCES[word],
        map=found.shown("error_levels"),
        regions=found.regions("error_levels", pixels, exhibit.size) if word is not Level.NOTHING_FOUND else (),
        facts={"strength": round(found.strength, 2), "quality": QUALITY, "pixels_per_cell": pixels},
        images={"error levels, brightened": cv2.convertScaleAbs(error, alpha=_BRIGHTER)} if step == 1 else {},
    )


_SENTENCES = {
    Level.NOTHING_FOUND: "No region changes unlike others of its texture when the image is saved again.",
    Level.WEAK: "A region changes a little unlike others of its texture; many untouched images show as much.",
    Level.MODERATE: "A region changes unlike others of its texture when the image is saved again.",
    Level.STRONG: "A region changes clearly unlike others of its texture when the image is saved again.",
}


def _tiles(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Every ``step``-th tile in both directions, side by side, and that step."""
    rows, columns = (side // _TILE for side in pixels.shape[:2])
    step = step_for(rows * columns, _MOST_TILES)
    cut = pixels[: rows * _TILE, : columns * _TILE].reshape(rows, _TILE, columns, _TILE, 3)[::step, :, ::step]
    return np.ascontiguousarray(cut.reshape(cut.shape[0] * _TILE, -1, 3)), step


def _saved(pixels: np.ndarray) -> np.ndarray:
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def _means(values: np.ndarray) -> np.ndarray:
    """(R, C) means of the cells."""
    rows, columns = (side // _CELL for side in values.shape)
    return values.reshape(rows, _CELL, columns, _CELL).mean(axis=(1, 3))
