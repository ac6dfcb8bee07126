"""Masks of regions as they come from the network, small and soft, drawn at the image's size when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from detectron2.layers import paste_masks_in_image

#: Rows of a mask that are drawn at a time.
_ROWS = 512


def paste_soft_mask(soft_mask: np.ndarray, box: Sequence[float], image_size: tuple[int, int]) -> np.ndarray:
    """Draws a mask, as Detectron2 does, by strips: its own function takes 20 bytes for every pixel of the box.

    Args:
        soft_mask: (M, M) float32 in [0, 1], stretched over the box.
        box: XYXY, pixels of the image.
        image_size: (height, width).

    Returns:
        (height, width) bool, where the soft mask is 0.5 or more.
    """
    height, width = image_size
    mask = np.zeros((height, width), bool)
    soft, corners = torch.from_numpy(soft_mask)[None], torch.tensor([list(box)], dtype=torch.float32)
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        if box[1] < bottom + 1 and box[3] > top - 1:
            shifted = corners - torch.tensor([0, top, 0, top])
            mask[top:bottom] = paste_masks_in_image(soft, shifted, (bottom - top, width), threshold=0.5)[0].numpy()
    return mask


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
        indices = torch.arange(len(self))[rows].reshape(-1)
        return SoftMasks([self.soft[row] for row in indices.tolist()], self.boxes[indices], self.image_size)

    def __iter__(self) -> Iterator[np.ndarray]:
        pairs = zip(self.soft, self.boxes.tolist())
        return (paste_soft_mask(soft, box, self.image_size) for soft, box in pairs)
