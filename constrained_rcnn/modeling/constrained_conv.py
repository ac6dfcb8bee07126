"""The constrained convolution: a learnable layer that sees prediction errors instead of image content."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def project_to_constraint(weight: torch.Tensor) -> torch.Tensor:
    """Moves kernels to the nearest ones that satisfy Bayar and Stamm's constraint.

    Each kernel predicts its centre pixel from the ring around it and subtracts the pixel itself: the centre
    is -1 and the ring sums to 1 (Bayar and Stamm, IEEE TIFS 2018). Among all such kernels this returns the
    closest in the least-squares sense: the ring's surplus is spread evenly over its taps. Unlike the
    division by the ring's sum in that paper it has no singularity, and it is linear, so gradients pass.

    Args:
        weight: (O, I, K, K) float, K odd and at least 3.

    Returns:
        (O, I, K, K) of the same dtype: ``[..., K//2, K//2]`` is -1, the rest of each kernel sums to 1.
    """
    size = weight.shape[-1]
    ring = torch.ones(size, size, dtype=weight.dtype, device=weight.device)
    ring[size // 2, size // 2] = 0
    surplus = (weight * ring).sum(dim=(-2, -1), keepdim=True) - 1
    return (weight - surplus / (size * size - 1)) * ring - (1 - ring)


class ConstrainedConv2d(nn.Module):
    """A convolution whose kernels satisfy the constraint in every forward pass.

    The projection is part of the forward pass, so the layer learns under the constraint with any optimizer
    and any way of loading weights. It and the convolution always run in float32: bfloat16 rounds pixel
    values above 128 to whole grey levels and would erase the traces this layer is there to see. The border
    is reflected, since a constant border would answer like a forged edge. (The released TensorFlow kernel
    is overwritten by a constant after every step and never learns.)
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 3, kernel_size: int = 5):
        """
        Args:
            in_channels, out_channels: number of channels; 3 and 3 in the paper.
            kernel_size: odd, at least 3; 5 in the paper.
        """
        super().__init__()
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and at least 3, not {kernel_size}")
        self.kernel_size = kernel_size
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws random kernels around the mean of the ring, projected onto the constraint.

        The small spread matters: with one of the size of the centre tap (unit energy in the ring) the
        residual would still be full of image content, and training would start by unlearning it.
        """
        with torch.no_grad():
            taps = self.kernel_size**2 - 1
            nn.init.normal_(self.weight, mean=1 / taps, std=1 / taps)
            self.weight.copy_(project_to_constraint(self.weight))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Args:
            x: (N, in_channels, H, W), any float dtype, pixel values.

        Returns:
            (N, out_channels, H, W) float32 prediction errors; 0 where the image is constant.
        """
        pad = self.kernel_size // 2
        mode = "reflect" if min(x.shape[-2:]) > pad else "replicate"
        with torch.autocast(device_type=x.device.type, enabled=False):
            kernels = project_to_constraint(self.weight.float())
            return F.conv2d(F.pad(x.float(), (pad, pad, pad, pad), mode=mode), kernels)
