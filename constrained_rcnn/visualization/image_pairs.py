"""Drawings of what two images share: side by side, in grey, what matters in colour."""

from __future__ import annotations

import cv2
import numpy as np

from ..matching.image_pairs import Described, Shared

#: Height of each of the two, and the widest it may be, pixels.
HEIGHT, WIDEST = 540, 960
#: Colour of what was altered, and of the frame around all that two versions share; BGR.
ALTERED, FRAME = (30, 80, 255), (220, 170, 60)
#: Of other shared regions, in turn.
COLOURS = ((60, 220, 60), (230, 60, 200), (230, 220, 0), (0, 220, 240))


def draw_pair(first: Described, second: Described, shared: tuple[Shared, ...]) -> np.ndarray:
    """Two images side by side, in grey.

    Of versions of one image, what they share is framed, and where they differ is filled with ``ALTERED``. Of other
    shared regions, one in each image has the same colour.

    Args:
        first, second, shared: what :func:`..matching.image_pairs.compare` was given and found.

    Returns:
        (h, w, 3) uint8, BGR.
    """
    panels = []
    for side, image in (("first", first), ("second", second)):
        pixels = image.pixels()
        factor = min(HEIGHT / pixels.shape[0], WIDEST / pixels.shape[1])
        size = tuple(max(1, round(length * factor)) for length in pixels.shape[1::-1])
        canvas = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
        canvas = cv2.cvtColor(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        for number, match in enumerate(shared):
            colour = COLOURS[number % len(COLOURS)]
            region, altered = (_scaled(getattr(match, side + suffix), size) for suffix in ("", "_altered"))
            if match.same_picture:
                rows, columns = np.nonzero(region)
                corner = int(columns.min()), int(rows.min())
                cv2.rectangle(canvas, corner, (int(columns.max()), int(rows.max())), FRAME, 2)
                _fill(canvas, altered, ALTERED)
            else:
                _fill(canvas, region, colour)
        panels.append(np.pad(canvas, ((0, HEIGHT - size[1]), (0, 0), (0, 0)), constant_values=24))
    gap = np.full((HEIGHT, 8, 3), 255, np.uint8)
    return np.concatenate([panels[0], gap, panels[1]], axis=1)


def mask_of(shared: tuple[Shared, ...], side: str, size: tuple[int, int]) -> np.ndarray:
    """What an image shares, and what of it was altered, as one mask.

    Args:
        shared: of one pair.
        side: "first" or "second".
        size: (width, height) of that image.

    Returns:
        (height, width) uint8: 0 not shared, 128 shared, 255 altered.
    """
    mask = np.zeros(size[::-1], np.uint8)
    for suffix, value in (("", 128), ("_altered", 255)):
        for match in shared:
            mask[_scaled(getattr(match, side + suffix), size)] = value
    return mask


def _scaled(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)


def _fill(canvas: np.ndarray, region: np.ndarray, colour) -> None:
    canvas[region] = (0.5 * canvas[region] + 0.5 * np.array(colour)).astype(np.uint8)
    outline, _ = cv2.findContours(region.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outline, -1, colour, 2)
