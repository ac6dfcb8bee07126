"""JPEG's quantisation tables: the standard's own at each quality, and how close a file's come to them."""

from __future__ import annotations

import functools

import numpy as np

#: Luma table of the JPEG standard at quality 50 (ITU-T T.81, annex K, table K.1), row by row.
_LUMA_50 = np.array(
    [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
     51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120,
     101, 72, 92, 95, 98, 112, 100, 103, 99]
)  # fmt: skip


@functools.lru_cache(maxsize=128)
def standard_luma(quality: int) -> np.ndarray:
    """The luma table that the common library (libjpeg) uses: (64,) int, 1 to 255, row by row.

    Args:
        quality: 1 to 100.
    """
    return scaled_table(_LUMA_50, quality)


def scaled_table(base: np.ndarray, quality: int) -> np.ndarray:
    """A base table as libjpeg scales it: (64,) int, 1 to 255.

    Args:
        base: (64,) int, the table at quality 50.
        quality: 1 to 100.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * scale + 50) // 100, 1, 255)


def nearest_quality(table) -> tuple[int, bool]:
    """(quality, whether the table is exactly the standard's at it) of 64 steps for luma, row by row."""
    table = np.asarray(table)
    distances = [int(np.abs(standard_luma(quality) - table).sum()) for quality in range(1, 101)]
    quality = int(np.argmin(distances)) + 1
    return quality, min(distances) == 0
