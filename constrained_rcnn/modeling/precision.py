"""What stays in float32 under autocast: the last layers, whose numbers select boxes or are normalised anew."""

from __future__ import annotations

import functools

import torch
from torch import nn


def in_float32(forward):
    """Decorates a module's forward: it runs in float32, autocast or not.

    Args:
        forward: of tensors, or lists of tensors, of any float dtype.
    """

    @functools.wraps(forward)
    def wrapped(self, *inputs):
        first = inputs[0][0] if isinstance(inputs[0], (list, tuple)) else inputs[0]
        with torch.autocast(device_type=first.device.type, enabled=False):
            return forward(self, *(_float(x) for x in inputs))

    return wrapped


def _float(x):
    return [item.float() for item in x] if isinstance(x, (list, tuple)) else x.float()


class LastConv2d(nn.Conv2d):
    """A convolution in float32 under autocast: the one that logits come from."""

    @in_float32
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As :class:`torch.nn.Conv2d`; float32."""
        return super().forward(x)
