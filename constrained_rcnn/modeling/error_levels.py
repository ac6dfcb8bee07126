"""What compressing an image once more changes, as a feature: parts with another JPEG history change otherwise.

This is error-level analysis (Krawetz, Black Hat 2007), not read by a person but by the dense path.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn import functional as F

#: Key of the error levels in the features dict.
ERROR_LEVELS = "error_levels"
#: Side of a cell, pixels.
STRIDE = 4


def error_levels(image: torch.Tensor, qualities, image_format: str = "BGR") -> torch.Tensor:
    """Mean change in each cell when the image is saved as JPEG, of the channel that changes most.

    The block grid begins at the image's upper left corner, as in its own file where it was not cut or resized since.

    Args:
        image: (3, H, W), values 0 to 255, of any dtype; pixels, not normalised.
        qualities: JPEG qualities, 1 to 100.
        image_format: channel order, "BGR" or "RGB".

    Returns:
        (len(qualities), ceil(H / STRIDE), ceil(W / STRIDE)) float32 on the image's device: log(1 + mean of the absolute
        difference in grey levels).
    """
    pixels = image.detach().round().clamp(0, 255).to("cpu", torch.uint8).permute(1, 2, 0).contiguous().numpy()
    pixels = pixels if image_format == "BGR" else np.ascontiguousarray(pixels[:, :, ::-1])
    changes = []
    for quality in qualities:
        file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
        changes.append(cv2.absdiff(pixels, cv2.imdecode(file, cv2.IMREAD_COLOR)).max(axis=2))
    changes = torch.from_numpy(np.stack(changes)).to(image.device).float()[None]
    cells = F.avg_pool2d(changes, STRIDE, ceil_mode=True, count_include_pad=False)
    return torch.log1p(cells)[0]


def batch_error_levels(images, padded, qualities, image_format: str = "BGR") -> torch.Tensor:
    """Error levels of a batch.

    Args:
        images: (3, H_i, W_i) pixels each.
        padded: (H, W) of the network's input.
        qualities, image_format: see :func:`error_levels`.

    Returns:
        (N, len(qualities), ceil(H / STRIDE), ceil(W / STRIDE)) float32; 0 in the padding.
    """
    levels = [error_levels(image, qualities, image_format) for image in images]
    size = [-(-side // STRIDE) for side in padded]
    return torch.stack([F.pad(x, (0, size[1] - x.shape[2], 0, size[0] - x.shape[1])) for x in levels])
