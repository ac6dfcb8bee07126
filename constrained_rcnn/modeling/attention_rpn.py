"""AttentionRPN: region proposals from a CBAM-attended feature, which it hands on to the mask branch."""

from __future__ import annotations

import torch
from detectron2.config import configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import PROPOSAL_GENERATOR_REGISTRY
from detectron2.modeling.anchor_generator import build_anchor_generator
from detectron2.modeling.proposal_generator import RPN
from detectron2.modeling.proposal_generator.rpn import RPN_HEAD_REGISTRY
from torch import nn
from torch.nn import functional as F

from .cbam import CBAM
from .precision import in_float32

#: Key under which AttentionRPN stores its attended feature R, (N, channels of res3, /16), in the features
#: dict; the guided mask branch reads it there.
ATTENDED_FEATURE = "rpn_attended"


@RPN_HEAD_REGISTRY.register()
class RPNPredictor(nn.Module):
    """The last two layers of an RPN: a 1x1 convolution for objectness and one for the box deltas."""

    @configurable
    def __init__(self, *, in_channels: int, num_anchors: int):
        """
        Args:
            in_channels: channels of the attended feature.
            num_anchors: anchors per cell, A.
        """
        super().__init__()
        self.objectness_logits = nn.Conv2d(in_channels, num_anchors, 1)
        self.anchor_deltas = nn.Conv2d(in_channels, num_anchors * 4, 1)
        for layer in (self.objectness_logits, self.anchor_deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    @classmethod
    def from_config(cls, cfg, input_shape: list[ShapeSpec]):
        anchors = build_anchor_generator(cfg, input_shape).num_anchors
        return {"in_channels": input_shape[0].channels, "num_anchors": anchors[0]}

    @in_float32
    def forward(self, features: list[torch.Tensor]):
        """
        Args:
            features: maps (N, in_channels, H, W).

        Returns:
            Objectness logits (N, A, H, W) and box deltas (N, 4A, H, W), a list of each.
        """
        return [self.objectness_logits(x) for x in features], [self.anchor_deltas(x) for x in features]


@PROPOSAL_GENERATOR_REGISTRY.register()
class AttentionRPN(RPN):
    """RPN whose hidden feature passes through CBAM before objectness and deltas are read off it."""

    @configurable
    def __init__(
        self, *, source_feature: str, source_stride: int, conv: nn.Module, attention: nn.Module | None, **kwargs
    ):
        """
        Args:
            source_feature: name of the backbone feature it starts from (res4).
            source_stride: its stride in pixels.
            conv: 3x3 convolution to the RPN's width; its ReLU is applied here.
            attention: called with (feature, valid); None leaves attention out (ablation).
            kwargs: see :class:`RPN`; its in_features is the attended feature.
        """
        super().__init__(**kwargs)
        self.source_feature = source_feature
        self.source_stride = source_stride
        self.conv = conv
        self.attention = attention

    @classmethod
    def from_config(cls, cfg, input_shape: dict[str, ShapeSpec]):
        (source,) = cfg.MODEL.RPN.IN_FEATURES
        width = input_shape["res3"].channels
        attended = ShapeSpec(channels=width, stride=input_shape[source].stride)
        ret = super().from_config(cfg, {**input_shape, source: attended})
        conv = nn.Conv2d(input_shape[source].channels, width, 3, padding=1)
        nn.init.normal_(conv.weight, std=0.01)
        nn.init.zeros_(conv.bias)
        ret.update(
            in_features=[ATTENDED_FEATURE],
            source_feature=source,
            source_stride=input_shape[source].stride,
            conv=conv,
            attention=CBAM(width, width // 2) if cfg.MODEL.ATTENTION_RPN.ENABLED else None,
        )
        return ret

    def attend(self, images, features) -> None:
        """Stores the attended feature R, (N, width, ceil(H/16), ceil(W/16)), in ``features[ATTENDED_FEATURE]``."""
        hidden = F.relu(self.conv(features[self.source_feature]))
        if self.attention is not None:
            hidden = self.attention(hidden, valid_cells(images, self.source_stride, hidden.shape[-2:]))
        features[ATTENDED_FEATURE] = hidden

    def forward(self, images, features, gt_instances=None):
        """As :meth:`RPN.forward`; also leaves the attended feature in ``features``, see :meth:`attend`."""
        self.attend(images, features)
        return super().forward(images, features, gt_instances)


def valid_cells(images, stride: int, feature_size) -> torch.Tensor | None:
    """Tells the cells of a feature map that an image reaches from those that are only batch padding.

    Args:
        images: ImageList, padded to (N, 3, H, W) at the bottom and right.
        stride: pixels per cell.
        feature_size: (h, w) of the feature map.

    Returns:
        (N, 1, h, w) bool, or None when no image is padded (the usual case).
    """
    padded = tuple(images.tensor.shape[-2:])
    if all((int(h), int(w)) == padded for h, w in images.image_sizes):
        return None
    device = images.tensor.device
    # Every stage rounds up, so an image of H rows has ceil(H / stride) rows of cells.
    rows, columns = (
        torch.tensor([-(-int(size[axis]) // stride) for size in images.image_sizes], device=device) for axis in (0, 1)
    )
    y = torch.arange(feature_size[0], device=device)[None, :, None] < rows[:, None, None]
    x = torch.arange(feature_size[1], device=device)[None, None, :] < columns[:, None, None]
    return (y & x)[:, None]
