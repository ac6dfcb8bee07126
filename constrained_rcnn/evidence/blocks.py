"""DCT coefficients of 8x8 blocks, as JPEG has them, of pixels that are decoded already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Side of JPEG's blocks, pixels.
SIDE = 8
#: Most blocks that are transformed: 2.6 megapixels. Of larger images every second, third, ... in both directions.
MOST_BLOCKS = 40_000


def _dct_matrix() -> np.ndarray:
    k, n = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    matrix = np.sqrt(2 / SIDE) * np.cos((2 * n + 1) * k * np.pi / (2 * SIDE))
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


_DCT = _dct_matrix()


@dataclass(frozen=True)
class BlockCoefficients:
    """
    Attributes:
        values: (R, C, 8, 8) float32, orthonormal DCT of luma - 128 of the blocks looked at; [..., v, u] with the
            vertical frequency first.
        step: every ``step``-th block in both directions was looked at.
    """

    values: np.ndarray
    step: int

    @property
    def pixels(self) -> int:
        """Pixels from one block that was looked at to the next."""
        return SIDE * self.step


def step_for(blocks: int, most: int = MOST_BLOCKS) -> int:
    """Every how manieth block in both directions leaves at most ``most``."""
    return max(1, int(np.ceil(np.sqrt(blocks / most))))


def block_coefficients(luma: np.ndarray) -> BlockCoefficients:
    """Transforms whole blocks, from the upper left corner on.

    Args:
        luma: (h, w) uint8.

    Returns:
        Of at most ``MOST_BLOCKS`` blocks; R or C is 0 where the image has no whole block.
    """
    rows, columns = luma.shape[0] // SIDE, luma.shape[1] // SIDE
    step = step_for(rows * columns)
    cut = luma[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)[::step, :, ::step]
    blocks = np.ascontiguousarray(cut.swapaxes(1, 2), np.float32) - 128
    shape = blocks.shape
    # Two large products are much faster than one small one for each block.
    once = (blocks.reshape(-1, SIDE) @ _DCT.T).reshape(shape).swapaxes(2, 3)
    values = (np.ascontiguousarray(once).reshape(-1, SIDE) @ _DCT.T).reshape(shape).swapaxes(2, 3)
    return BlockCoefficients(values, step)


def zigzag() -> list[tuple[int, int]]:
    """(v, u) of the 64 coefficients in JPEG's order."""
    cells = [(v, u) for v in range(SIDE) for u in range(SIDE)]
    return sorted(cells, key=lambda one: (sum(one), one[0] if sum(one) % 2 else one[1]))
