"""ConstrainedResNet: a constrained convolution in front of Detectron2's ResNet, up to res4."""

from __future__ import annotations

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from detectron2.modeling.backbone.resnet import BasicBlock, BasicStem, BottleneckBlock, ResNet
from torch import nn

from .constrained_conv import ConstrainedConv2d

#: Blocks of res2, res3, res4 and res5 (He et al., CVPR 2016, table 1).
BLOCKS_PER_STAGE = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class ConstrainedResNet(ResNet):
    """Detectron2's ResNet behind a constrained convolution.

    The parameters keep ResNet's names (``stem.conv1``, ``res2.0.conv1``, ...), so that the ImageNet weights
    of Detectron2's model zoo load without renaming.
    """

    def __init__(self, *args, constrained_conv: nn.Module | None = None, with_image: bool = False, **kwargs):
        """
        Args:
            args, kwargs: see :class:`ResNet`.
            constrained_conv: applied to the normalised image first; None leaves it out (ablation).
            with_image: the stem sees the image's channels, then the residuals; False: the residuals alone.
        """
        super().__init__(*args, **kwargs)
        self.constrained_conv = constrained_conv
        self.with_image = with_image

    def forward(self, x):
        """
        Args:
            x: (N, 3, H, W) float32, BGR, mean subtracted.

        Returns:
            dict from feature name to tensor, as ``MODEL.RESNETS.OUT_FEATURES`` asks for: res2 (N, C/2, ceil(H/4),
            ceil(W/4)), res3 (N, C, /8), res4 (N, 2C, /16).
        """
        if self.constrained_conv is not None:
            residual = self.constrained_conv(x)
            x = torch.cat([x, residual], dim=1) if self.with_image else residual
        return super().forward(x)


def make_resnet_stage(cfg, stage: int, norm: str | None = None) -> nn.Sequential:
    """Builds one ResNet stage at the depth and width the config asks for.

    ``MODEL.RESNETS.DEPTH`` decides the number and kind of blocks (basic for 18 and 34, bottleneck above),
    ``RES2_OUT_CHANNELS`` the width: unlike Detectron2's own builder, any width goes with any depth.

    Args:
        cfg: config node.
        stage: 2 to 5.
        norm: as in Detectron2's ``get_norm``; None means ``MODEL.RESNETS.NORM``.

    Returns:
        The stage; output channels are RES2_OUT_CHANNELS * 2**(stage - 2); stride 2, except for stage 2.
    """
    resnets = cfg.MODEL.RESNETS
    factor = 2 ** (stage - 2)
    blocks = BLOCKS_PER_STAGE[resnets.DEPTH][stage - 2]
    out_channels = resnets.RES2_OUT_CHANNELS * factor
    kwargs = {}
    if resnets.DEPTH >= 50:
        kwargs = {
            "bottleneck_channels": resnets.NUM_GROUPS * resnets.WIDTH_PER_GROUP * factor,
            "num_groups": resnets.NUM_GROUPS,
            "stride_in_1x1": resnets.STRIDE_IN_1X1,
        }
    return nn.Sequential(
        *ResNet.make_stage(
            BottleneckBlock if resnets.DEPTH >= 50 else BasicBlock,
            blocks,
            stride_per_block=[1 if stage == 2 else 2] + [1] * (blocks - 1),
            in_channels=resnets.STEM_OUT_CHANNELS if stage == 2 else out_channels // 2,
            out_channels=out_channels,
            norm=resnets.NORM if norm is None else norm,
            **kwargs,
        )
    )


@BACKBONE_REGISTRY.register()
def build_constrained_resnet_backbone(cfg, input_shape: ShapeSpec) -> ConstrainedResNet:
    """Builds the backbone; ``MODEL.RESNETS`` holds its shape, ``MODEL.CONSTRAINED_CONV`` its first layer."""
    resnets, constrained = cfg.MODEL.RESNETS, cfg.MODEL.CONSTRAINED_CONV
    image = channels = input_shape.channels
    if constrained.ENABLED:
        channels = constrained.CHANNELS + (image if constrained.WITH_RGB else 0)
    return ConstrainedResNet(
        BasicStem(channels, resnets.STEM_OUT_CHANNELS, resnets.NORM),
        [list(make_resnet_stage(cfg, stage)) for stage in (2, 3, 4)],
        out_features=resnets.OUT_FEATURES,
        freeze_at=cfg.MODEL.BACKBONE.FREEZE_AT,
        constrained_conv=ConstrainedConv2d(image, constrained.CHANNELS) if constrained.ENABLED else None,
        with_image=constrained.WITH_RGB,
    )
