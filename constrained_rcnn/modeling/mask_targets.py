"""Training targets of the mask branch."""

from __future__ import annotations

import torch
from detectron2.layers import ROIAlign


def crop_mask_to_boxes(mask: torch.Tensor, boxes: torch.Tensor, size: int) -> torch.Tensor:
    """Crops one full-image mask at several boxes.

    Args:
        mask: (H, W) bool, the image's complete ground truth.
        boxes: (R, 4) float, XYXY in the mask's pixels.
        size: cells per side of the result, M.

    Returns:
        (R, M, M) float32: 1 where at least half of a cell's area is manipulated, else 0.
    """
    rois = torch.cat([boxes.new_zeros(len(boxes), 1), boxes], dim=1)
    # Sampling ratio 0 averages over as many points as a cell has pixels.
    share = ROIAlign((size, size), 1.0, 0, aligned=True)(mask[None, None].to(boxes.dtype), rois)
    return (share[:, 0] >= 0.5).float()
