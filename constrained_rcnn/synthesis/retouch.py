"""Retouching: a region blurred, smoothed, painted over, sharpened or recoloured where it stands.

Its class is "removal", with ``retouch`` in the step's description. No pixel comes from elsewhere, so it is no splice
and no copy-move; what it is done for is what removal is done for, that something (a wrinkle, a sign, a plate) is no
longer seen; and its trace, texture smoothed or painted away, is that of a filled region.
"""

from __future__ import annotations

import cv2
import numpy as np

from .alpha import SHARE, composite, opacity
from .colour_shift import shift_colours
from .draft import Draft, Edit
from .editing import draw_kind
from .masks import bounding_box, to_uint8
from .regions import Segments
from .selection import brush_strokes, draw_stroke, select

_EDGES = (("hard", 0.2), ("antialiased", 0.2), ("feathered", 0.6))


def retouch(draft: Draft, segments: Segments, area: float) -> Edit:
    """Retouches a region.

    Args:
        draft: of the image.
        segments: of the image.
        area: wanted area, pixels.
    """
    image, rng, editing = draft.image, draft.rng, draft.preset.require_editing()
    region, selection = select(segments, area, editing, rng)
    kind = draw_kind(editing.retouches, rng)
    window = bounding_box(region, 16)
    original, inside = np.ascontiguousarray(image[window]), region[window]
    if (region & draft.occupied).any():
        return None
    if kind == "airbrush":
        mixed, alpha = airbrush(original, inside, rng)
    else:
        edited = {"blur": _blur, "smooth": _smooth, "sharpen": _sharpen, "colour": shift_colours}[kind](original, rng)
        alpha = opacity(inside, draw_kind(_EDGES, rng), float(rng.uniform(*editing.ramp)), edited)
        mixed = composite(original, edited, alpha)
    mask = np.zeros(image.shape[:2], bool)
    mask[window] = alpha > SHARE
    mask &= ~draft.occupied
    forged = image.copy()
    forged[window] = mixed
    return forged, mask, {"method": "retouch", "retouch": kind, "selection": selection}


def airbrush(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Paints over a region with colours picked nearby: H x W x 3 uint8 RGB and the opacity, H x W float32."""
    radius = max(3.0, np.sqrt(mask.sum()) * rng.uniform(0.08, 0.25))
    soft, flow = rng.uniform(0.4, 1.0), rng.uniform(0.5, 1.0)
    colours = cv2.GaussianBlur(image, (0, 0), 3)
    values, clear = image.astype(np.float32), np.ones(mask.shape, np.float32)
    for points in brush_strokes(mask, radius, rng):
        stroke = flow * draw_stroke(mask.shape, points, radius, soft)
        x, y = np.clip(points[0] + rng.normal(0, radius, 2), 0, np.array(mask.shape[::-1]) - 1).astype(int)
        values += stroke[:, :, None] * (colours[y, x].astype(np.float32) - values)
        clear *= 1 - stroke
    return to_uint8(values), 1 - clear


def _blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.3:  # motion or lens, by a flat kernel
        side = int(rng.integers(3, 10))
        return cv2.blur(image, (side, side if rng.random() < 0.6 else 1))
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 4.0))


def _smooth(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.4:
        return cv2.medianBlur(image, int(rng.choice([5, 7, 9])))
    return cv2.bilateralFilter(image, 7, rng.uniform(20, 60), rng.uniform(2, 5))


def _sharpen(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values = image.astype(np.float32)
    values += rng.uniform(0.8, 2.5) * (values - cv2.GaussianBlur(values, (0, 0), rng.uniform(0.8, 2.5)))
    return to_uint8(values)
