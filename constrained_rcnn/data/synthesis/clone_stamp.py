"""The clone stamp: soft strokes over a region, each from a place of its own nearby."""

from __future__ import annotations

import numpy as np

from .selection import brush_strokes, draw_stroke


def stamp(
    image: np.ndarray, mask: np.ndarray, taken: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Paints a region over with shifted copies of its surroundings.

    Args:
        image: H x W x 3 uint8 RGB.
        mask: H x W bool, the region.
        taken: H x W bool, pixels that may not serve as a source.

    Returns:
        H x W x 3 uint8 RGB and the opacity, H x W float32 in [0, 1]; None where a stroke found no source.
    """
    height, width = mask.shape
    reach = np.sqrt(mask.sum())
    radius, soft = max(4.0, reach * rng.uniform(0.12, 0.35)), rng.uniform(0.1, 0.8)
    barred = mask | taken
    values, clear = image.astype(np.float32), np.ones(mask.shape, np.float32)
    margin = int(radius) + 2
    for points in brush_strokes(mask, radius, rng):
        low, high = points.min(0).astype(int) - margin, points.max(0).astype(int) + margin + 1
        left, top = np.maximum(low, 0)
        right, bottom = min(width, high[0]), min(height, high[1])
        stroke = draw_stroke((bottom - top, right - left), points - (left, top), radius, soft)
        core, best, best_cost = stroke > 0.5, None, np.inf
        here = image[top:bottom, left:right].reshape(-1, 3).mean(0)
        for _ in range(25):
            row, column = (
                int(np.clip(start + rng.normal(0, 1.5 * reach + radius), 0, large - (end - start)))
                for start, end, large in ((top, bottom, height), (left, right, width))
            )
            there = np.s_[row : row + bottom - top, column : column + right - left]
            if barred[there][core].any():
                continue
            cost = float(np.abs(image[there].reshape(-1, 3).mean(0) - here).sum())
            if cost < best_cost:
                best, best_cost = there, cost
        if best is None:
            return None
        target = values[top:bottom, left:right]
        target += stroke[:, :, None] * (image[best].astype(np.float32) - target)
        clear[top:bottom, left:right] *= 1 - stroke
    return np.clip(values + 0.5, 0, 255).astype(np.uint8), 1 - clear
