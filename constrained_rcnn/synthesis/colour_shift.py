"""Brightness, contrast, gamma and hue of a region, changed as with a photo editor's sliders."""

from __future__ import annotations

import cv2
import numpy as np

from .masks import to_uint8


def shift_colours(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to three sliders moved by a random amount.

    Args:
        image: H x W x 3 uint8 RGB.

    Returns:
        H x W x 3 uint8 RGB.
    """
    moved = rng.permutation(4)[: int(rng.integers(1, 4))]
    levels = np.arange(256, dtype=np.float32)
    if 0 in moved:
        levels = levels + rng.choice([-1, 1]) * rng.uniform(8, 32)
    if 1 in moved:
        levels = (levels - 128) * np.exp(rng.choice([-1, 1]) * rng.uniform(0.08, 0.3)) + 128
    if 2 in moved:
        levels = 255 * (np.clip(levels, 0, 255) / 255) ** np.exp(rng.choice([-1, 1]) * rng.uniform(0.1, 0.4))
    image = cv2.LUT(np.ascontiguousarray(image), to_uint8(levels))
    if 3 not in moved:
        return image
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    turn = int(rng.choice([-1, 1]) * rng.uniform(3, 12))  # of OpenCV's 180 steps
    hue = ((hue.astype(np.int16) + turn) % 180).astype(np.uint8)
    saturation = np.clip(saturation * np.float32(rng.uniform(0.6, 1.4)), 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2RGB)
