"""Drawings of the duplicated regions of an image."""

from __future__ import annotations

import cv2
import numpy as np

from ..matching.similarity import reduced
from ..matching.suspects import CopyMove


def draw_copy_moves(image: np.ndarray, copy_moves: tuple[CopyMove, ...]) -> np.ndarray:
    """The image in grey; each region and its twin in one colour, outlined, joined by a line.

    Where the map tells which is the copy, an arrow leads to it.

    Args:
        image: (H, W, 3) uint8, BGR, that :func:`..matching.copy_move.find_repeats` was given.
        copy_moves: of :func:`..matching.suspects.detect_copy_moves`.

    Returns:
        (h, w, 3) uint8, BGR; of the image's size, or reduced so that the longer side is ``WORKING_SIDE``.
    """
    image = reduced(image)
    canvas = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    width = max(1, round(max(image.shape[:2]) / 500))
    lines = []
    for number, copy_move in enumerate(copy_moves):
        hue = np.uint8([[[(10 + 47 * number) % 180, 255, 255]]])
        colour = cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0]
        regions = copy_move.regions.first, copy_move.regions.second
        for region in regions:
            canvas[region] = (0.55 * canvas[region] + 0.45 * colour).astype(np.uint8)
            outline, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(canvas, outline, -1, colour.tolist(), width)
        ends = [_centre(region) for region in regions]
        copy = copy_move.likelier_copy
        lines.append((ends[::-1] if copy == "first" else ends, copy is not None, colour.tolist()))
    for (start, end), arrow, colour in lines:  # last, so that no region hides one
        for shade, thickness in (((0, 0, 0), 3 * width), (colour, width)):
            if arrow:
                tip = min(0.5, 12 * width / max(1.0, np.hypot(end[0] - start[0], end[1] - start[1])))
                cv2.arrowedLine(canvas, start, end, shade, thickness, cv2.LINE_AA, tipLength=tip)
            else:
                cv2.line(canvas, start, end, shade, thickness, cv2.LINE_AA)
    return canvas


def _centre(region: np.ndarray) -> tuple[int, int]:
    rows, columns = np.nonzero(region)
    return int(columns.mean()), int(rows.mean())
