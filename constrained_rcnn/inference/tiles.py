"""Overlapping tiles of an image that is too large for the network, and which tile a detection belongs to.

Every tile has a core: what is nearer to its own middle than to its neighbours'. A detection counts in the tile whose
core holds its centre. So a region no larger than the overlap is always found by a tile that sees it whole with
some image around it, wherever the borders run; what a tile makes of the regions that its border cuts does not count,
because their centres lie in another's core.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

#: A core reaches this many pixels into its neighbours': boxes of one region jitter, and none may fall between two.
SHARED = 16


@dataclass(frozen=True)
class Tile:
    """A window of an image, pixels: rows ``top`` to ``bottom``, columns ``left`` to ``right``, exclusive.

    ``core`` is (x1, y1, x2, y2) in the image's pixels; at the image's own border it is infinite.
    """

    top: int
    left: int
    bottom: int
    right: int
    core: tuple[float, float, float, float]

    def owns(self, boxes: torch.Tensor) -> torch.Tensor:
        """Which boxes count here. Boxes: (R, 4) float, XYXY in the TILE's pixels. Returns: (R,) bool."""
        x = (boxes[:, 0] + boxes[:, 2]) / 2 + self.left
        y = (boxes[:, 1] + boxes[:, 3]) / 2 + self.top
        x1, y1, x2, y2 = self.core
        return (x >= x1) & (x < x2) & (y >= y1) & (y < y2)

    def core_windows(self) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The tile's own part of a map: its core, as windows of the whole image's map and of the tile's."""
        x1, y1, x2, y2 = self.core
        top, left = math.floor(max(y1, self.top)), math.floor(max(x1, self.left))
        bottom, right = math.ceil(min(y2, self.bottom)), math.ceil(min(x2, self.right))
        image_window = slice(top, bottom), slice(left, right)
        return image_window, (slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left))


def plan_tiles(height: int, width: int, size: int, overlap: int) -> list[Tile]:
    """Tiles that cover an image, row by row.

    Args:
        height, width: of the image, pixels.
        size: side of a tile, pixels; a shorter side of the image is covered by one tile.
        overlap: of neighbours, pixels, at least; below ``size``.

    Returns:
        Tiles of ``size`` pixels a side where the image has them, evenly spread.
    """
    rows, columns = _spans(height, size, overlap), _spans(width, size, overlap)
    return [
        Tile(top, left, bottom, right, (x1, y1, x2, y2))
        for top, bottom, y1, y2 in rows
        for left, right, x1, x2 in columns
    ]


def _spans(length: int, size: int, overlap: int) -> list[tuple[int, int, float, float]]:
    """(start, end, core's start, core's end) along one side."""
    if length <= size:
        return [(0, length, float("-inf"), float("inf"))]
    count = -(-(length - overlap) // (size - overlap))
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    # Cores meet in the middle of each overlap.
    cuts = [(start + size + following) / 2 for start, following in zip(starts, starts[1:])]
    lows = [float("-inf"), *(cut - SHARED for cut in cuts)]
    highs = [*(cut + SHARED for cut in cuts), float("inf")]
    return [(start, start + size, low, high) for start, low, high in zip(starts, lows, highs)]
