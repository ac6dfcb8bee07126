"""Masks of regions as they come from the network, small and soft, drawn at the image's size when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

#: Rows of a mask that are drawn at a time.
_ROWS = 512


def paste_soft_mask(soft_mask: np.ndarray, box: Sequence[float], image_size: tuple[int, int]) -> np.ndarray:
    """Draws a mask as Detectron2 does, without Torch and by strips: Detectron2 takes 20 bytes for every pixel of a box.

    Args:
        soft_mask: (M, M) float32 in [0, 1], stretched over the box.
        box: XYXY, pixels of the image.
        image_size: (height, width).

    Returns:
        (height, width) bool, where the soft mask is 0.5 or more.
    """
    (height, width), (x1, y1, x2, y2) = image_size, (np.float32(value) for value in box)
    mask = np.zeros((height, width), bool)
    if not (x2 > x1 and y2 > y1):
        return mask
    # Outside of the box a mask stays below 0.5.
    top, bottom = (int(np.clip(value, 0, height)) for value in (np.floor(y1) - 1, np.ceil(y2) + 1))
    left, right = (int(np.clip(value, 0, width)) for value in (np.floor(x1) - 1, np.ceil(x2) + 1))
    columns = _sampling(left, right, x1, x2, soft_mask.shape[1]).T
    for start in range(top, bottom, _ROWS):
        end = min(start + _ROWS, bottom)
        rows = _sampling(start, end, y1, y2, soft_mask.shape[0])
        mask[start:end, left:right] = rows @ soft_mask @ columns >= 0.5
    return mask


def _sampling(first: int, last: int, start: float, end: float, cells: int) -> np.ndarray:
    """(last - first, cells) float32 that samples a row of cells, stretched from start to end, at the pixels' centres.

    Bilinear sampling is separable, so two such matrices draw a mask; beyond the outermost centres it falls to 0.
    """
    position = (np.arange(first, last, dtype=np.float32) + np.float32(0.5) - start) / (end - start) * cells
    return (1 - np.abs(position[:, None] - np.float32(0.5) - np.arange(cells, dtype=np.float32))).clip(min=0)


class SoftMasks:
    """A field of Detectron2's Instances: the masks of an image's regions.

    Iterated over, it draws one mask after the other, (H, W) bool, so that no more than one is in memory.
    """

    def __init__(self, soft: Sequence[np.ndarray | None], boxes: torch.Tensor, image_size: tuple[int, int]):
        """
        Args:
            soft: R masks, (M, M) float32 in [0, 1], of any M each; None: of a region without.
            boxes: (R, 4) float32, XYXY in the image's pixels.
            image_size: (height, width).
        """
        self.soft = list(soft)
        self.boxes = boxes
        self.image_size = image_size

    def __len__(self) -> int:
        return len(self.soft)

    def __getitem__(self, rows) -> SoftMasks:
        """Some of the masks: an index, a slice, or a tensor of indices or truth values."""
        import torch

        indices = torch.arange(len(self))[rows].reshape(-1)
        return SoftMasks([self.soft[row] for row in indices.tolist()], self.boxes[indices], self.image_size)

    def __iter__(self) -> Iterator[np.ndarray]:
        pairs = zip(self.soft, self.boxes.tolist())
        return (paste_soft_mask(soft, box, self.image_size) for soft, box in pairs)
