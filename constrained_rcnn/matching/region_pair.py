"""Two regions that are alike, in one image or in two, and how the second lies to the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class RegionPair:
    """Two regions that are alike.

    Attributes:
        first, second: (h, w) bool, each in its image or, where that is longer than ``WORKING_SIDE``, in its reduced
            copy.
        first_box, second_box: XYXY around them, float, pixels of the images.
        matches: keypoints that agree.
        similarity: median correlation of their fine structure, up to 1.
        mirrored: the second is the first mirrored left to right, then scaled and turned.
        scale, angle: of the second over the first; degrees, positive clockwise as shown.
        transform: (2, 3), from the first to the second, in pixels of the regions.
    """

    first: np.ndarray
    second: np.ndarray
    first_box: tuple[float, float, float, float]
    second_box: tuple[float, float, float, float]
    matches: int
    similarity: float
    mirrored: bool
    scale: float
    angle: float
    transform: np.ndarray

    @classmethod
    def of(
        cls,
        first: np.ndarray,
        second: np.ndarray,
        sizes: tuple[tuple[int, int], tuple[int, int]],
        transform: np.ndarray,
        *,
        matches: int,
        similarity: float,
        **more: Any,
    ) -> Self:
        """
        Args:
            first, second, transform, matches, similarity: the attributes; the regions not empty.
            sizes: (width, height) of the first's image and of the second's.
            more: what a subclass has besides.
        """
        mirrored = bool(np.linalg.det(transform[:, :2]) < 0)
        # In pixels of the images, not of their reduced copies.
        enlarged = (sizes[1][0] / second.shape[1]) / (sizes[0][0] / first.shape[1])
        return cls(
            first=first,
            second=second,
            first_box=_box(first, sizes[0]),
            second_box=_box(second, sizes[1]),
            matches=matches,
            similarity=min(1.0, similarity),
            mirrored=mirrored,
            scale=scale_of(transform) * enlarged,
            angle=float(np.degrees(np.arctan2(*transform[::-1, 0] * (-1 if mirrored else 1)))),
            transform=transform,
            **more,
        )

    def to_json(self) -> dict:
        """What JSON can hold: everything but the regions."""
        return {
            "first_box": [round(side, 1) for side in self.first_box],
            "second_box": [round(side, 1) for side in self.second_box],
            "matches": self.matches,
            "similarity": round(self.similarity, 4),
            "mirrored": self.mirrored,
            "scale": round(self.scale, 4),
            "angle": round(self.angle, 2) + 0.0,  # no -0.0
        }


def scale_of(transform: np.ndarray) -> float:
    """By how much an affine transform, (2, 3), enlarges: the root of what it does to areas."""
    return float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))


def _box(region: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(region)
    across, down = size[0] / region.shape[1], size[1] / region.shape[0]
    sides = columns.min() * across, rows.min() * down, (columns.max() + 1) * across, (rows.max() + 1) * down
    left, top, right, bottom = map(float, sides)
    return left, top, right, bottom
