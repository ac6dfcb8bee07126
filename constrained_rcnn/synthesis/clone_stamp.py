"""The clone stamp: soft strokes over a region, each from a place of its own nearby."""

from __future__ import annotations

import cv2
import numpy as np

from .draft import Draft
from .masks import to_uint8
from .selection import brush_strokes, draw_stroke


def stamp(draft: Draft, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Paints a region over with shifted copies of its surroundings.

    Args:
        draft: of the image; what is occupied serves as no source.
        mask: H x W bool, the region.

    Returns:
        H x W x 3 uint8 RGB and the opacity, H x W float32 in [0, 1]; None where a stroke found no source.
    """
    image, rng = draft.image, draft.rng
    height, width = mask.shape
    reach = np.sqrt(mask.sum())
    radius, soft = max(4.0, reach * rng.uniform(0.12, 0.35)), rng.uniform(0.1, 0.8)
    barred = mask | draft.occupied
    values, clear = image.astype(np.float32), np.ones(mask.shape, np.float32)
    margin = int(radius) + 2
    means = cv2.blur(image, (margin, margin)).astype(np.float32)
    for points in brush_strokes(mask, radius, rng):
        low, high = points.min(0).astype(int) - margin, points.max(0).astype(int) + margin + 1
        left, top = np.maximum(low, 0)
        right, bottom = min(width, high[0]), min(height, high[1])
        stroke = draw_stroke((bottom - top, right - left), points - (left, top), radius, soft)
        best, best_cost = None, np.inf
        rows, columns = (index[::7] for index in np.nonzero(stroke > 0.5))
        target_mean = means[(top + bottom) // 2, (left + right) // 2]
        for step in rng.normal(0, 1.5 * reach + radius, (25, 2)).astype(int).tolist():
            row = min(max(0, top + step[0]), height - (bottom - top))
            column = min(max(0, left + step[1]), width - (right - left))
            if barred[rows + row, columns + column].any():
                continue
            cost = float(np.abs(means[row + (bottom - top) // 2, column + (right - left) // 2] - target_mean).sum())
            if cost < best_cost:
                best, best_cost = np.s_[row : row + bottom - top, column : column + right - left], cost
        if best is None:
            return None
        target = values[top:bottom, left:right]
        target += stroke[:, :, None] * (image[best].astype(np.float32) - target)
        clear[top:bottom, left:right] *= 1 - stroke
    return to_uint8(values), 1 - clear
