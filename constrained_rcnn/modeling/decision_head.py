"""The decision about a whole image, in its own right: not the maximum of a map, which grows with the image."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .precision import in_float32

#: Shares of the cells whose largest logits are averaged.
TOP_SHARES = (0.002, 0.01, 0.05, 0.25)


class DecisionHead(nn.Module):
    """Reads from the dense path whether an image was manipulated anywhere.

    It sees the fused feature's mean over the image, its mean weighted by the dense map, and how large the map's
    largest logits are: means over shares of the image, so that none of them grows with the number of pixels.
    """

    def __init__(self, channels: int, hidden: int = 64):
        """
        Args:
            channels: of the fused feature.
            hidden: width of the hidden layer.
        """
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * channels + len(TOP_SHARES), hidden), nn.ReLU(), nn.Linear(hidden, 1))

    @in_float32
    def describe(self, logits: torch.Tensor, feature: torch.Tensor) -> torch.Tensor:
        """What the decision is made by.

        Args:
            logits: (N, 1, h, w) of the dense map.
            feature: (N, channels, h8, w8), fused.

        Returns:
            (N, 2 * channels + len(TOP_SHARES)) float32: the feature's mean, its mean weighted by the map, and the means
            of the map's largest logits.
        """
        logits = F.adaptive_avg_pool2d(logits, feature.shape[-2:])
        weight = logits.sigmoid()
        weighted = (feature * weight).sum(dim=(2, 3)) / (weight.sum(dim=(2, 3)) + 1e-6)
        ordered = logits.flatten(1).sort(dim=1, descending=True).values
        count = ordered.shape[1]
        tops = [ordered[:, : max(1, round(share * count))].mean(dim=1) for share in TOP_SHARES]
        return torch.cat([feature.mean(dim=(2, 3)), weighted, torch.stack(tops, dim=1)], dim=1)

    def forward(self, logits: torch.Tensor, feature: torch.Tensor) -> torch.Tensor:
        """As :meth:`describe`; returns (N,) float32, logit of "manipulated"."""
        return self.decide(self.describe(logits, feature))

    @in_float32
    def decide(self, description: torch.Tensor) -> torch.Tensor:
        """(N, 2 * channels + len(TOP_SHARES)) of :meth:`describe` -> (N,) logit of "manipulated"."""
        return self.layers(description)[:, 0]


def decision_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of the image labels. Logits: (N,); masks: (N, H, W), 1 where manipulated."""
    return F.binary_cross_entropy_with_logits(logits, masks.flatten(1).amax(dim=1).float())
