"""What stays in float32 under autocast: the last layers, whose numbers select boxes or are normalised anew."""

from __future__ import annotations

import torch


class InFloat32:
    """Goes in front of a module's other base class; its forward then runs in float32, autocast or not."""

    def forward(self, *inputs):
        """As the other base's forward.

        Args:
            inputs: tensors, or lists of tensors.
        """
        first = inputs[0][0] if isinstance(inputs[0], (list, tuple)) else inputs[0]
        with torch.autocast(device_type=first.device.type, enabled=False):
            return super().forward(*(_float(x) for x in inputs))


def _float(x):
    return [item.float() for item in x] if isinstance(x, (list, tuple)) else x.float()
