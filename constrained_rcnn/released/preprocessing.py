"""How the released test code prepares an image: mean first, then one resize of the float image."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from detectron2.structures import ImageList

#: Short side of the resized image, and limit of its long side, pixels (SCALES and MAX_SIZE of the released test).
SHORT_SIDE, LONG_SIDE = 600, 1000


class ResizedImages(ImageList):
    """An ImageList that knows where its images come from.

    Attributes:
        original_sizes: N times (height, width), pixels before resizing.
        scales: (N,) float32 on the images' device, resized pixels per original pixel.
    """

    def __init__(self, tensor: torch.Tensor, image_sizes, original_sizes, scales: torch.Tensor):
        """
        Args:
            tensor, image_sizes: see :class:`ImageList`.
            original_sizes, scales: see above.
        """
        super().__init__(tensor, image_sizes)
        self.original_sizes = original_sizes
        self.scales = scales


def resize_scale(height: int, width: int) -> float:
    """The one factor an image of that size, in pixels, is resized by."""
    scale = SHORT_SIDE / min(height, width)
    if np.round(scale * max(height, width)) > LONG_SIDE:
        scale = LONG_SIDE / max(height, width)
    return scale


def resize(image: torch.Tensor, scale: float) -> torch.Tensor:
    """Bilinear resize by OpenCV, without smoothing when it shrinks.

    Args:
        image: (3, H, W) float32, any range, on any device.
        scale: result pixels per image pixel, at least so that no side vanishes.

    Returns:
        (3, h, w) float32 on the same device.
    """
    if scale == 1:
        return image
    pixels = np.ascontiguousarray(image.cpu().numpy().transpose(1, 2, 0))
    # By factor, not by size: the size is rounded, the sampling positions are not.
    resized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(np.ascontiguousarray(resized.transpose(2, 0, 1))).to(image.device)


def prepare(
    images: list[torch.Tensor], mean: torch.Tensor, std: torch.Tensor, size_divisibility: int = 0
) -> ResizedImages:
    """Subtracts the mean, resizes and batches.

    Args:
        images: (3, H, W) each, uint8 or float, grey levels 0 to 255, at their original resolution.
        mean, std: (3, 1, 1) float32, grey levels.
        size_divisibility: see ``ImageList.from_tensors``.
    """
    original_sizes = [tuple(int(n) for n in image.shape[-2:]) for image in images]
    scales = [resize_scale(*size) for size in original_sizes]
    resized = [resize((x.to(mean.device) - mean) / std, s) for x, s in zip(images, scales)]
    batch = ImageList.from_tensors(resized, size_divisibility)
    return ResizedImages(
        batch.tensor, batch.image_sizes, original_sizes, torch.tensor(scales, dtype=torch.float32, device=mean.device)
    )
