"""Regions that stand out in a grid of measured values, once what brightness and texture explain is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .finding import Level, Region
from .rates import rates_file

#: Cells of like brightness or texture that are compared with one another.
_BINS = 12
#: Side of the windows that are compared, as a fraction of the grid's shorter side, and their least side, cells.
_WINDOW, _LEAST_WINDOW = 0.15, 4
#: Fewest cells that must be usable.
LEAST_CELLS = 400
#: Most regions that are told.
_MOST_REGIONS = 5


@dataclass(frozen=True)
class Outliers:
    """
    Attributes:
        deviation: (R, C) float32, how far each window's mean lies from the typical one, in robust standard deviations
            over the image's windows; 0 where too little of the window can be used.
        strength: the largest deviation in the direction that was asked for.
    """

    deviation: np.ndarray
    strength: float

    def shown(self, witness: str) -> np.ndarray:
        """(R, C) float32 in [0, 1]: 0 typical, 0.5 at the witness's threshold for "moderate", 1 at twice that."""
        moderate = rates_file()["thresholds"][witness][Level.MODERATE.value]
        return np.clip(self.deviation / (2 * moderate), 0, 1).astype(np.float32)

    def regions(self, witness: str, pixels: int, size: tuple[int, int], offset: int = 0) -> tuple[Region, ...]:
        """Boxes around what reaches the witness's threshold for "weak", largest first.

        Args:
            witness: its name.
            pixels: side of a cell.
            size: (height, width) that boxes are cut to.
            offset: where the first cell begins, pixels.
        """
        weak = rates_file()["thresholds"][witness][Level.WEAK.value]
        return boxes(self.deviation >= weak, pixels, size, offset)


def boxes(marked: np.ndarray, pixels: int, size: tuple[int, int], offset: int = 0) -> tuple[Region, ...]:
    """Boxes around connected cells. Args: marked: (R, C) bool; the others as in :meth:`Outliers.regions`."""
    _, _, found, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    found = sorted(found[1:].tolist(), key=lambda one: -one[4])[:_MOST_REGIONS]
    height, width = size
    return tuple(
        (
            min(width, offset + x * pixels),
            min(height, offset + y * pixels),
            min(width, offset + (x + w) * pixels),
            min(height, offset + (y + h) * pixels),
        )
        for x, y, w, h, _ in found
    )


def outliers(
    values: np.ndarray, usable: np.ndarray, explained_by: Sequence[np.ndarray], *, lower: bool = False
) -> Outliers | None:
    """Finds windows whose values are unlike those of the rest.

    Args:
        values: (R, C) float32, on a scale where differences count (logarithms of levels).
        usable: (R, C) bool, cells that count.
        explained_by: (R, C) arrays, such as brightness; cells are compared with those of like values only.
        lower: low values stand out, too; else only high ones do.

    Returns:
        None where fewer than ``LEAST_CELLS`` cells are usable.
    """
    if usable.sum() < LEAST_CELLS:
        return None
    rest = values.astype(np.float32)
    for explanation in explained_by:
        rest = without_explained(rest, usable, explanation)
    spread = _spread(rest[usable])
    rest = np.where(usable, np.clip(rest, -4 * spread, 4 * spread), 0)  # no single cell makes a region
    side = max(_LEAST_WINDOW, round(_WINDOW * min(values.shape)))
    share = cv2.blur(usable.astype(np.float32), (side, side), borderType=cv2.BORDER_REFLECT)
    mean = cv2.blur(rest.astype(np.float32), (side, side), borderType=cv2.BORDER_REFLECT) / np.maximum(share, 1e-6)
    filled = share >= 0.5
    if filled.sum() < LEAST_CELLS // 2:
        return None
    deviation = (mean - np.median(mean[filled])) / _spread(mean[filled])
    deviation = np.where(filled, np.abs(deviation) if lower else deviation, 0).astype(np.float32)
    return Outliers(deviation, float(deviation.max()))


def without_explained(values: np.ndarray, usable: np.ndarray, explanation: np.ndarray) -> np.ndarray:
    """Subtracts the median of the cells in the same bin of the explanation, interpolated between the bins' centres."""
    known = explanation[usable]
    edges = np.quantile(known, np.linspace(0, 1, _BINS + 1))
    bins = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, _BINS - 1)
    inside = values[usable]
    filled = [number for number in range(_BINS) if (bins == number).any()]
    centres = [float(np.median(known[bins == number])) for number in filled]
    medians = [float(np.median(inside[bins == number])) for number in filled]
    return values - np.interp(explanation, centres, medians).astype(np.float32)


def _spread(values: np.ndarray) -> float:
    """Robust standard deviation; never 0."""
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), 1e-3)
