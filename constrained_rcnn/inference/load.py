"""A trained model, optimised for inference."""

from __future__ import annotations

import logging

import torch
from detectron2.layers import Conv2d, FrozenBatchNorm2d
from detectron2.modeling import build_model
from torch import nn
from torch.nn.utils import fuse_conv_bn_weights

from ..modeling.checkpoint import ManipulationCheckpointer
from ..modeling.processor import multiplies_bfloat16
from .operating_points import OperatingPoints

logger = logging.getLogger(__name__)


def load_for_inference(cfg) -> tuple[nn.Module, dict]:
    """Builds a config's model, loads ``MODEL.WEIGHTS`` into it and prepares it, see :func:`prepare`.

    Args:
        cfg: with MODEL.WEIGHTS.

    Returns:
        The model in evaluation mode, with ``operating_points`` of its own or None, and what else the checkpoint holds,
        "metadata" among it.

    Raises:
        UserError: no such file, not a checkpoint, or one of another model.
    """
    model = build_model(cfg).eval()
    extra = ManipulationCheckpointer(model).load_strictly(cfg.MODEL.WEIGHTS)
    if cfg.TEST.BFLOAT16 and model.device.type == "cpu" and not multiplies_bfloat16():
        logger.warning("TEST.BFLOAT16: this processor has no bfloat16 instructions; set it False, that is faster here")
    model.operating_points = OperatingPoints.from_metadata(extra.get("metadata", {}))
    return prepare(model), extra


def prepare(model: nn.Module) -> nn.Module:
    """Changes a model, in place, into one that gives the same results faster and cannot be trained or saved.

    Frozen batch norms become part of the convolutions before them; on the CPU, convolutions run channels last.
    Results differ by rounding, about 1e-6 of a feature's maximum.

    Args:
        model: in evaluation mode, its weights loaded.

    Returns:
        The same model.
    """
    for layer in model.modules():
        norm = getattr(layer, "norm", None)
        if isinstance(layer, Conv2d) and isinstance(norm, FrozenBatchNorm2d):
            layer.weight, layer.bias = fuse_conv_bn_weights(
                layer.weight, layer.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
            layer.norm = None
    model.requires_grad_(False)
    if next(model.parameters()).device.type == "cpu":
        model.to(memory_format=torch.channels_last)
    return model
