"""The parts of the guided mask branch: skip fusion of low-level and attended features, and the predictor."""

from __future__ import annotations

import torch
from detectron2.config import configurable
from detectron2.layers import get_norm
from torch import nn
from torch.nn import functional as F

from .precision import LastConv2d


class SkipFusion(nn.Module):
    """Adds the low-level feature C3 and the attended RPN feature R, half each, and widens the sum to C4.

    At C3's own stride R is upsampled, which keeps the fine detail that the skip is for; at R's stride C3 is
    pooled, as in the released network, whose C3 has stride 16.
    """

    def __init__(self, in_channels: int, out_channels: int, at_low_level_stride: bool = True):
        """
        Args:
            in_channels: of both inputs (channels of res3).
            out_channels: of the result (channels of res4).
            at_low_level_stride: True fuses at the stride of C3 (/8), False at that of R (/16).
        """
        super().__init__()
        self.at_low_level_stride = at_low_level_stride
        self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, low_level: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """
        Args:
            low_level: C3, (N, in_channels, h3, w3).
            attended: R, (N, in_channels, h4, w4).

        Returns:
            (N, out_channels, h, w), non-negative; h, w is h3, w3 or h4, w4.
        """
        if self.at_low_level_stride:
            attended = F.interpolate(attended, size=low_level.shape[-2:], mode="bilinear", align_corners=False)
        else:
            low_level = F.adaptive_avg_pool2d(low_level, attended.shape[-2:])
        return F.relu(self.conv(0.5 * low_level + 0.5 * attended))


class MaskPredictor(nn.Module):
    """Turns a box's res5 feature into one class-agnostic mask logit per cell of twice its size."""

    @configurable
    def __init__(self, *, in_channels: int, up_channels: int = 256, hidden_channels: int = 64, norm: str = "GN"):
        """
        Args:
            in_channels: channels of res5.
            up_channels: after the 2x2 transposed convolution; 256 in the paper's network.
            hidden_channels: after the 1x1 convolution; 64 in the paper's network.
            norm: between; GroupNorm works on a single box, unlike batch statistics.
        """
        super().__init__()
        self.upsample = nn.ConvTranspose2d(in_channels, up_channels, 2, stride=2)
        self.hidden = nn.Conv2d(up_channels, hidden_channels, 1, bias=not norm)
        self.norm = get_norm(norm, hidden_channels) or nn.Identity()
        self.predictor = LastConv2d(hidden_channels, 1, 1)
        for layer in (self.upsample, self.hidden):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.predictor.weight, std=0.001)
        for layer in (self.upsample, self.hidden, self.predictor):
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    @classmethod
    def from_config(cls, cfg, in_channels: int):
        return {
            "in_channels": in_channels,
            "up_channels": cfg.MODEL.ROI_MASK_HEAD.CONV_DIM,
            "hidden_channels": cfg.MODEL.GUIDED_MASK.HIDDEN_CHANNELS,
            "norm": cfg.MODEL.ROI_MASK_HEAD.NORM,
        }

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Args:
            x: (R, in_channels, S, S), one map per box.

        Returns:
            (R, 1, 2S, 2S) logits of "manipulated".
        """
        return self.predictor(F.relu(self.norm(self.hidden(self.upsample(x)))))
