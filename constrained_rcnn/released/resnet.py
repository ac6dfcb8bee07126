"""The released backbone: a fixed constrained kernel, and strides in the last unit of a block."""

from __future__ import annotations

import torch
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from detectron2.modeling.backbone.resnet import BasicStem, BottleneckBlock, ResNet
from torch import nn
from torch.nn import functional as F

from ..modeling.backbone import BLOCKS_PER_STAGE, ConstrainedResNet
from ..modeling.constrained_conv import project_to_constraint


class ReleasedConstrainedConv2d(nn.Module):
    """The 5x5 convolution with the kernel as it is stored: no projection, a border of zeros, no learning.

    The released training overwrites the kernel with one constant after every step, and its bias with 0.
    Like the native layer it always runs in float32.
    """

    def __init__(self, channels: int = 3, kernel_size: int = 5):
        """
        Args:
            channels: of image and result; 3 in the released network.
            kernel_size: odd; 5 in the released network.
        """
        super().__init__()
        weight = project_to_constraint(torch.rand(channels, channels, kernel_size, kernel_size))
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Args:
            x: (N, channels, H, W) float, pixel values minus the mean.

        Returns:
            (N, channels, H, W) float32.
        """
        with torch.autocast(device_type=x.device.type, enabled=False):
            return F.conv2d(x.float(), self.weight.float(), padding=self.weight.shape[-1] // 2)


class ReleasedBottleneck(BottleneckBlock):
    """A bottleneck whose identity shortcut takes every s-th pixel where the block has stride s."""

    def __init__(self, in_channels, out_channels, *, stride=1, **kwargs):
        """
        Args:
            in_channels, out_channels, stride, kwargs: see :class:`BottleneckBlock`.
        """
        super().__init__(in_channels, out_channels, stride=stride, **kwargs)
        if self.shortcut is None and stride > 1:
            self.shortcut = nn.MaxPool2d(1, stride=stride)


def make_released_stage(cfg, stage: int) -> nn.Sequential:
    """Builds one stage: bottlenecks, stride in the last unit of res2 and res3, none in res4 and res5.

    So res2 has stride 8, res3 and res4 have 16, where Detectron2's have 4, 8 and 16. The parameters have the
    names and shapes of the native stage.

    Args:
        cfg: config node; ``MODEL.RESNETS.DEPTH`` is at least 50.
        stage: 2 to 5.
    """
    resnets = cfg.MODEL.RESNETS
    factor = 2 ** (stage - 2)
    blocks = BLOCKS_PER_STAGE[resnets.DEPTH][stage - 2]
    out_channels = resnets.RES2_OUT_CHANNELS * factor
    return nn.Sequential(
        *ResNet.make_stage(
            ReleasedBottleneck,
            blocks,
            stride_per_block=[1] * (blocks - 1) + [2 if stage in (2, 3) else 1],
            in_channels=resnets.STEM_OUT_CHANNELS if stage == 2 else out_channels // 2,
            out_channels=out_channels,
            bottleneck_channels=resnets.NUM_GROUPS * resnets.WIDTH_PER_GROUP * factor,
            num_groups=resnets.NUM_GROUPS,
            stride_in_1x1=False,
            norm=resnets.NORM,
        )
    )


@BACKBONE_REGISTRY.register()
def build_released_resnet_backbone(cfg, input_shape: ShapeSpec) -> ConstrainedResNet:
    """Builds the released backbone; ``MODEL.RESNETS`` holds its shape."""
    resnets = cfg.MODEL.RESNETS
    return ConstrainedResNet(
        BasicStem(input_shape.channels, resnets.STEM_OUT_CHANNELS, resnets.NORM),
        [list(make_released_stage(cfg, stage)) for stage in (2, 3, 4)],
        out_features=resnets.OUT_FEATURES,
        freeze_at=cfg.MODEL.BACKBONE.FREEZE_AT,
        constrained_conv=ReleasedConstrainedConv2d(input_shape.channels),
    )
