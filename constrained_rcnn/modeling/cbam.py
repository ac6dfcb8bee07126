"""CBAM: channel and spatial attention (Woo et al., ECCV 2018), blind to the padding of a batch."""

from __future__ import annotations

import torch
from torch import nn


class CBAM(nn.Module):
    """Convolutional block attention as its authors define it.

    The channel gate comes from one MLP shared by the average- and the max-pooled vector, without an
    activation at its end; the spatial gate from a 7x7 convolution over the mean and the maximum across the
    channels of the channel-refined map. (The released TensorFlow network has a ReLU at the MLP's end and
    takes the spatial gate from the module's input.)
    """

    def __init__(self, channels: int, hidden: int, spatial_kernel: int = 7):
        """
        Args:
            channels: of the map it attends to.
            hidden: width of the MLP; half of ``channels`` in the paper's network.
            spatial_kernel: side of the spatial convolution, odd.
        """
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.spatial = nn.Conv2d(2, 1, spatial_kernel, padding=spatial_kernel // 2)

    def forward(self, x: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """
        Args:
            x: (N, C, H, W) float.
            valid: (N, 1, H, W) bool, False where a cell is nothing but batch padding; None: all count. Each
                image needs at least one valid cell.

        Returns:
            (N, C, H, W): x times both gates, each in (0, 1). Values at valid cells depend on valid cells
            only.
        """
        if valid is None:
            mean, peak = x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
        else:
            mean = (x * valid).sum(dim=(2, 3)) / valid.sum(dim=(2, 3))
            peak = x.masked_fill(~valid, float("-inf")).amax(dim=(2, 3))
        x = x * torch.sigmoid(self.mlp(mean) + self.mlp(peak))[:, :, None, None]
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        if valid is not None:
            summary = summary * valid
        return x * torch.sigmoid(self.spatial(summary))
