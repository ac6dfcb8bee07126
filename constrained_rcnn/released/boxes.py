"""The released network's box arithmetic: corners are pixels, so a box is x2 - x1 + 1 wide."""

from __future__ import annotations

import torch
from detectron2.modeling.box_regression import Box2BoxTransform
from torchvision.ops import batched_nms

#: What the last row and column of a box add to its width and height.
WIDTH_OFFSET = 1.0


def to_exclusive(boxes: torch.Tensor) -> torch.Tensor:
    """Boxes (..., 4) whose last two corners are pixels inside -> just outside, so that widths are differences."""
    return boxes + boxes.new_tensor([0, 0, WIDTH_OFFSET, WIDTH_OFFSET])


class ReleasedBoxTransform(Box2BoxTransform):
    """Detectron2's box coding on ``+ 1`` widths; the growth of a box is not limited.

    The decoded box is centre - size/2 to centre + size/2, without the matching ``- 1``: the released code
    encodes and decodes so.
    """

    def __init__(self, weights: tuple[float, float, float, float]):
        """
        Args:
            weights: as in :class:`Box2BoxTransform`.
        """
        super().__init__(weights=weights, scale_clamp=float("inf"))

    def get_deltas(self, src_boxes, target_boxes):
        """Deltas (R, 4) that lead from source to target boxes, both (R, 4) XYXY in pixels."""
        return super().get_deltas(to_exclusive(src_boxes), to_exclusive(target_boxes))

    def apply_deltas(self, deltas, boxes):
        """Boxes (R, 4k) XYXY from deltas (R, 4k) and boxes (R, 4) XYXY, all in the same pixels."""
        return super().apply_deltas(deltas, to_exclusive(boxes))


def nms(boxes: torch.Tensor, scores: torch.Tensor, classes: torch.Tensor, threshold: float) -> torch.Tensor:
    """Non-maximum suppression within each class, areas with ``+ 1``.

    Args:
        boxes: (R, 4) float, XYXY in pixels.
        scores: (R,) float.
        classes: (R,) int64.
        threshold: a box goes when its IoU with a better one is greater.

    Returns:
        (K,) int64 indices of the boxes that stay, best first.
    """
    return batched_nms(to_exclusive(boxes), scores, classes, threshold)


def clip(boxes: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Boxes (..., 4) XYXY with every corner on a pixel of the image, 0 to width - 1 and 0 to height - 1."""
    return torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]) - 1)


def clip_outward(boxes: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Boxes (..., 4) XYXY with x1, y1 at least 0 and x2, y2 at most width - 1, height - 1; no other limit.

    The released second stage clips so. A box wholly outside the image comes out inverted and stays.
    """
    low = boxes.new_tensor([0, 0, float("-inf"), float("-inf")])
    high = boxes.new_tensor([float("inf"), float("inf"), width - 1, height - 1])
    return torch.minimum(torch.maximum(boxes, low), high)
