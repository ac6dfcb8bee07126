"""TensorFlow's crop_and_resize as the released network calls it, in ROIAlign's place."""

from __future__ import annotations

import torch
from detectron2.structures import Boxes
from torch import nn
from torch.nn import functional as F


class CropAndResize(nn.Module):
    """One bilinear sample at the centre of each bin of a box.

    torchvision's ROIAlign with one sample per bin differs in two ways, both of which the published weights
    have met in training: it continues the border value beyond the last row and column, where this gives 0
    (boxes may reach there, since a feature of ceil(W / 16) columns ends before the image does), and it
    widens boxes below one cell, which here stay as they are; inverted boxes are sampled backwards.
    """

    def __init__(self, output_size: int, stride: int):
        """
        Args:
            output_size: samples per side, S.
            stride: of the feature, pixels per cell.
        """
        super().__init__()
        self.output_size = (output_size, output_size)
        self.stride = stride

    def forward(self, features: list[torch.Tensor], boxes: list[Boxes]) -> torch.Tensor:
        """As Detectron2's ROIPooler.

        Args:
            features: one map (N, C, H, W).
            boxes: N times (R_i, 4), XYXY in the network's pixels.

        Returns:
            (sum of R_i, C, S, S), the dtype of the feature.
        """
        (feature,) = features
        return torch.cat([self._crop(image_feature[None], b.tensor) for image_feature, b in zip(feature, boxes)])

    def _crop(self, feature: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Crops (R, C, S, S) of one map (1, C, H, W)."""
        (height, width), (size, _) = feature.shape[-2:], self.output_size
        if len(boxes) == 0:
            return feature.new_zeros(0, feature.shape[1], size, size)
        with torch.autocast(device_type=feature.device.type, enabled=False):
            boxes = boxes.float() / self.stride
            steps = (torch.arange(size, device=boxes.device, dtype=torch.float32) + 0.5) / size
            x = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * steps
            y = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * steps
            inside = _inside(y, height)[:, :, None] & _inside(x, width)[:, None, :]
            # All boxes in one tall grid: the map is then read once.
            grid = torch.stack(
                [
                    _normalised(x, width)[:, None, :].expand(-1, size, -1),
                    _normalised(y, height)[:, :, None].expand(-1, -1, size),
                ],
                dim=-1,
            )
            crops = F.grid_sample(
                feature.float(), grid.reshape(1, -1, size, 2), padding_mode="border", align_corners=True
            )
            crops = crops[0].unflatten(1, (-1, size)).transpose(0, 1)
            return (crops * inside[:, None]).to(feature.dtype)


def _inside(position: torch.Tensor, cells: int) -> torch.Tensor:
    """Whether a position, in cells, lies between the centres of the first and the last cell."""
    return (position >= 0) & (position <= cells - 1)


def _normalised(position: torch.Tensor, cells: int) -> torch.Tensor:
    """Position in cells -> grid_sample's [-1, 1] between the centres of the first and the last cell."""
    return position * (2 / max(cells - 1, 1)) - 1
