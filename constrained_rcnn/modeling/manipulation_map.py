"""From instances to one full-image manipulation map and one image score: pure functions on tensors."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

#: Rows that are pasted at a time: beside the map a strip of it is all the memory that pasting takes.
_ROWS = 1024


def merge_instances(
    boxes: torch.Tensor, masks: torch.Tensor | None, scores: torch.Tensor | None, height: int, width: int
) -> torch.Tensor:
    """Pastes every instance's soft mask into the image and keeps the maximum at each pixel.

    Args:
        boxes: (R, 4) float, XYXY in the image's pixels.
        masks: (R, M, M) float in [0, 1], probability of "manipulated" inside each box; None: boxes are full.
        scores: (R,) float in [0, 1], weight of each box; None: all weigh 1 (the paper's merging).
        height, width: of the image, pixels.

    Returns:
        (height, width) float32 in [0, 1] on the device of ``boxes``; 0 outside every box.
    """
    merged = torch.zeros(height, width, dtype=torch.float32, device=boxes.device)
    boxes = boxes.detach().float()
    limits = boxes.cpu().tolist()
    for index, (x1, y1, x2, y2) in enumerate(limits):
        # The pixels whose centres lie in the box.
        left, top = max(math.ceil(x1 - 0.5), 0), max(math.ceil(y1 - 0.5), 0)
        right, bottom = min(math.ceil(x2 - 0.5), width), min(math.ceil(y2 - 0.5), height)
        if right <= left or bottom <= top:
            continue
        weight = 1.0 if scores is None else float(scores[index])
        window = merged[top:bottom, left:right]
        if masks is None:
            window.clamp_(min=weight)
            continue
        mask = masks[index].float() * weight
        rows = _interpolation(top, bottom, y1, y2, mask.shape[0], boxes.device)
        columns = _interpolation(left, right, x1, x2, mask.shape[1], boxes.device)
        for strip, weights in zip(window.split(_ROWS), rows.split(_ROWS)):
            torch.maximum(strip, weights @ mask @ columns.T, out=strip)
    return merged.clamp_(0, 1)


def _interpolation(first: int, last: int, start: float, end: float, cells: int, device) -> torch.Tensor:
    """Weights (last - first, cells) that sample a row of cells stretched from start to end linearly.

    Cell centres and pixel centres correspond as in ROIAlign; beyond the outermost centres the border value
    continues. Bilinear sampling is separable, so two such matrices paste a mask.
    """
    position = (torch.arange(first, last, device=device, dtype=torch.float32) + 0.5 - start) / (end - start)
    position = (position * cells - 0.5).clamp(0, cells - 1)
    return (1 - (position[:, None] - torch.arange(cells, device=device)[None]).abs()).clamp(min=0)


#: How :func:`fuse_maps` can join the maps of boxes and of the dense path.
FUSIONS = ("max", "mean", "dense", "boxes")


def fuse_maps(boxes: torch.Tensor, dense: torch.Tensor, method: str, exponent: float = 1.0) -> torch.Tensor:
    """One map of what boxes and the dense path say.

    Args:
        boxes, dense: (H, W) float32 in [0, 1]; ``boxes`` may be overwritten.
        method: "max" or "mean" of the two at every pixel, or one of them alone: "dense", "boxes".
        exponent: the power that the result is raised to, above 0; it moves which values lie above 0.5, not their order.

    Returns:
        (H, W) float32 in [0, 1].
    """
    if method == "max":
        fused = torch.maximum(boxes, dense, out=boxes)
    elif method == "mean":
        fused = boxes.add_(dense).mul_(0.5)
    else:
        fused = dense if method == "dense" else boxes
    if exponent == 1:
        return fused
    return fused.pow(exponent) if fused is dense else fused.pow_(exponent)  # a tile's dense map is used again


def resize_map(manipulation_map: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """A map at another size, by bilinear interpolation. Map: (h, w) float32; returns (H, W), itself if it fits."""
    if tuple(manipulation_map.shape) == tuple(size):
        return manipulation_map
    return F.interpolate(manipulation_map[None, None], size=tuple(size), mode="bilinear", align_corners=False)[0, 0]


def image_score(manipulation_map: torch.Tensor) -> float:
    """The image's score in [0, 1]: the map's maximum, 0 for an empty map. Map: (H, W) float in [0, 1]."""
    return float(manipulation_map.max()) if manipulation_map.numel() else 0.0
