"""The dense path: a manipulation logit for every cell of stride 4, beside the boxes.

Notation: N images, C channels, (h, w) cells of stride 4, (h8, w8) of stride 8; a map of the whole network input.
"""

from __future__ import annotations

import torch
from detectron2.config import configurable
from detectron2.layers import ShapeSpec, get_norm
from detectron2.modeling import SEM_SEG_HEADS_REGISTRY
from torch import nn
from torch.nn import functional as F

from .attention_rpn import ATTENDED_FEATURE
from .error_levels import ERROR_LEVELS
from .precision import LastConv2d

#: Stride of the logits in pixels, that of res2.
STRIDE = 4


@SEM_SEG_HEADS_REGISTRY.register()
class DenseMapHead(nn.Module):
    """Fuses res2, res3, res4 and the attended feature top down, and reads one logit off each cell of stride 4.

    At stride 16 every cell is also described by how far it is from the image's own mean, in standard deviations:
    a trace is suspicious where it differs from the rest of the image, whatever the rest is (as the Z-pooling of
    ManTraNet, Wu et al., CVPR 2019).
    """

    @configurable
    def __init__(
        self, *, in_channels: dict[str, int], channels: int = 64, norm: str = "GN", qualities: tuple[int, ...] = ()
    ):
        """
        Args:
            in_channels: of "res2", "res3", "res4" and ``ATTENDED_FEATURE``.
            channels: width of the head; a multiple of 32 for GroupNorm.
            norm: after each 3x3 convolution.
            qualities: of the error levels that are fused, too, see :mod:`.error_levels`; (): none.
        """
        super().__init__()
        self.laterals = nn.ModuleDict({name: nn.Conv2d(count, channels, 1) for name, count in in_channels.items()})
        self.deviation = nn.Conv2d(2 * channels, channels, 1)
        self.fuse8 = _block(channels, norm)
        self.fuse4 = _block(channels, norm)
        self.qualities = tuple(qualities)
        self.levels = ErrorLevelBranch(len(qualities), channels, norm) if qualities else None
        self.predictor = LastConv2d(channels, 1, 1)
        nn.init.normal_(self.predictor.weight, std=0.01)
        nn.init.constant_(self.predictor.bias, -2.0)  # most pixels are authentic

    @classmethod
    def from_config(cls, cfg, input_shape: dict[str, ShapeSpec]):
        counts = {name: input_shape[name].channels for name in ("res2", "res3", "res4")}
        return {
            "in_channels": {**counts, ATTENDED_FEATURE: counts["res3"]},
            "channels": cfg.MODEL.DENSE_MAP.CHANNELS,
            "norm": cfg.MODEL.DENSE_MAP.NORM,
            "qualities": tuple(cfg.MODEL.DENSE_MAP.ERROR_LEVELS),
        }

    def forward(self, features: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            features: res2, res3, res4 and the attended feature, (N, C_i, ., .), and error levels where they are fused.

        Returns:
            Logits (N, 1, h, w) float32, and the fused feature (N, channels, h8, w8) they come from.
        """
        lateral = {name: layer(features[name]) for name, layer in self.laterals.items()}
        lateral["res4"] = lateral["res4"] + lateral[ATTENDED_FEATURE]
        if self.levels is not None:
            for name, levels in self.levels(features[ERROR_LEVELS]).items():
                lateral[name] = lateral[name] + levels
        coarse = F.relu(lateral["res4"])
        coarse = F.relu(self.deviation(torch.cat([coarse, _deviation(coarse)], dim=1)))
        middle = self.fuse8(_upsample(coarse, lateral["res3"]) + lateral["res3"])
        fine = self.fuse4(_upsample(middle, lateral["res2"]) + lateral["res2"])
        return self.predictor(fine), middle


class ErrorLevelBranch(nn.Module):
    """Turns error levels into what is added to the lateral features of strides 4, 8 and 16; nothing at first."""

    def __init__(self, levels: int, channels: int, norm: str):
        """
        Args:
            levels: number of error levels.
            channels: of the lateral features; half as many inside.
            norm: after each 3x3 convolution.
        """
        super().__init__()
        narrow = channels // 2
        self.stem = nn.Sequential(nn.Conv2d(2 * levels, narrow, 1), nn.ReLU(), _block(narrow, norm))
        # They are noisy: they tell something where they are the same over tens of pixels.
        self.wide = nn.Sequential(_block(narrow, norm), _block(narrow, norm))
        self.out = nn.ModuleDict({name: nn.Conv2d(narrow, channels, 1) for name in ("res2", "res3", "res4")})
        for layer in self.out.values():
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, levels: torch.Tensor) -> dict[str, torch.Tensor]:
        """
        Args:
            levels: (N, levels, h, w) float32.

        Returns:
            For "res2", "res3" and "res4" what is added there, (N, channels, ., .).
        """
        fine = self.stem(torch.cat([levels, _deviation(levels)], dim=1))
        middle = _halve(fine)
        coarse = _halve(middle)
        if coarse.shape[2] * coarse.shape[3] > 1:  # one cell has no neighbours, and GroupNorm refuses a single value
            coarse = self.wide(coarse)
        features = {"res2": fine, "res3": middle, "res4": coarse}
        return {name: self.out[name](feature) for name, feature in features.items()}


def dense_map_losses(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all cells plus the overlap loss of the images that hold forged pixels.

    Args:
        logits: (N, 1, h, w) float32.
        masks: (N, H, W) in {0, 1}, complete ground truth, 0 where a smaller image of the batch is padded; with
            H <= STRIDE h and W <= STRIDE w.

    Returns:
        Scalar: mean binary cross-entropy + mean (1 - soft Dice); the latter 0 where no image is forged.
    """
    share = cell_shares(masks, logits.shape[-2:])
    entropy = F.binary_cross_entropy_with_logits(logits, share)
    forged = share.flatten(1).amax(dim=1) >= 0.5
    if not forged.any():
        return entropy
    probability, target = logits[forged].sigmoid().flatten(1), share[forged].flatten(1)
    dice = (2 * (probability * target).sum(1) + 1) / (probability.sum(1) + target.sum(1) + 1)
    return entropy + (1 - dice).mean()


def cell_shares(masks: torch.Tensor, size) -> torch.Tensor:
    """Share of each cell of stride 4 that is manipulated: (N, H, W) in {0, 1} -> (N, 1, h, w) float32."""
    height, width = (STRIDE * side for side in size)
    padded = F.pad(masks.float(), (0, width - masks.shape[2], 0, height - masks.shape[1]))
    return F.avg_pool2d(padded[:, None], STRIDE)


def upsample_logits(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Probabilities at the network input's pixels.

    Args:
        logits: (1, 1, h, w) float32.
        size: (H, W) of the image without padding, H <= STRIDE h, W <= STRIDE w.

    Returns:
        (H, W) float32 in [0, 1].
    """
    enlarged = F.interpolate(logits, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    return enlarged[0, 0, : size[0], : size[1]].sigmoid()


def _deviation(x: torch.Tensor) -> torch.Tensor:
    """How far each cell of (N, C, h, w) is from its image's mean, in the image's standard deviations plus 0.1."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    return (x - mean) / (x.float().std(dim=(2, 3), keepdim=True, correction=0) + 0.1).to(x.dtype)


def _block(channels: int, norm: str) -> nn.Sequential:
    layers = [nn.Conv2d(channels, channels, 3, padding=1, bias=not norm), get_norm(norm, channels), nn.ReLU()]
    return nn.Sequential(*[layer for layer in layers if layer is not None])


def _halve(x: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)


def _upsample(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    # Twice, and cut: every stage rounds up, so a size that is no multiple would else be stretched a little.
    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return x[:, :, : target.shape[2], : target.shape[3]]
