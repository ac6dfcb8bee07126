"""Whether two regions that are alike share their grain, too: a copy does, what is printed or built twice does not.

Between and beside strokes and edges nothing but grain is left: there two exposures of one thing, two words of a
card, have nothing in common, and over the whole region they differ by at least the grain that stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .similarity import fine_structure, spread

#: Agreement that proves the same grain unless the regions differ by many times what stands beside them.
SAME_GRAIN, _TOO_DIFFERENT = 0.63, 2.0
#: Regions were recorded apart where they agree less than the first number times what their difference is above the
#: second. Chosen on casia_v1_train, as published and saved at JPEG 70: copies differ by 0.4 (median; 95% of them, as
#: published, by at most 1.1); lettering on cards drawn by code agrees by at most 0.2 and differs by at least 0.95.
_SLOPE, _OF_COPIES = 0.3, 0.4
#: Structure beside the region, as a share of that in it, below which it stands alone: words on paper.
_ALONE = 0.5
#: Share of the region, flattest first, whose grain is compared.
_FLATTEST = 0.1
#: What is beside a region: from the first distance to the second, pixels.
_BESIDE = 6, 18
#: Least plausible grain, grey levels: compression and rounding leave nothing of less.
_LEAST_GRAIN = 0.4
#: Variance that rounding to grey levels leaves. It is no grain of anybody's own: without any, regions agree.
_ROUNDING = 1 / 12


@dataclass(frozen=True)
class Grain:
    """What two regions that are alike have in common besides their structure.

    Attributes:
        agreement: correlation of the finest residual where the region is flattest, -1 to 1.
        difference: spread of the difference of both over that of the grain beside them, as if each had its own.
        beside: fine structure beside the region over that in it.
    """

    agreement: float
    difference: float
    beside: float

    @property
    def apart(self) -> bool:
        """The regions were recorded apart: they share structure, not grain."""
        return self.agreement < min(SAME_GRAIN, _SLOPE * (self.difference - _OF_COPIES))

    @property
    def same(self) -> bool:
        """The regions share their grain beyond doubt."""
        return self.agreement >= SAME_GRAIN and self.difference < _TOO_DIFFERENT

    @property
    def lettering(self) -> bool:
        """Recorded apart, and each stands alone on something plain: words, signs, prints."""
        return self.apart and self.beside < _ALONE


def grain_of(grey: np.ndarray, aligned: np.ndarray, region: np.ndarray) -> Grain:
    """
    Args:
        grey: (H, W) float32, grey levels 0 to 255.
        aligned: the same image as a transform lays it on itself, of :func:`.similarity.warped`.
        region: (H, W) bool, not empty, where both are alike.
    """
    aligned = np.where(region | (aligned > -100), aligned, grey)
    return Grain(_agreement(grey, aligned, region), *_difference(grey, aligned, region))


def _agreement(grey: np.ndarray, aligned: np.ndarray, region: np.ndarray) -> float:
    steepness = cv2.GaussianBlur((grey + aligned) / 2, (0, 0), 1.2)
    steepness = np.hypot(cv2.Sobel(steepness, cv2.CV_32F, 1, 0), cv2.Sobel(steepness, cv2.CV_32F, 0, 1))
    steepness = cv2.dilate(steepness, np.ones((3, 3), np.uint8))[region]
    flat = steepness <= np.quantile(steepness, _FLATTEST)
    residual, aligned_residual = (
        (image - cv2.GaussianBlur(image, (0, 0), 1.2))[region][flat] for image in (grey, aligned)
    )
    covariance = (residual * aligned_residual).mean() + _ROUNDING
    variances = ((residual * residual).mean() + _ROUNDING) * ((aligned_residual * aligned_residual).mean() + _ROUNDING)
    return float(covariance / np.sqrt(variances))


def _difference(grey: np.ndarray, aligned: np.ndarray, region: np.ndarray) -> tuple[float, float]:
    """The attributes ``difference`` and ``beside``."""
    gain, offset = _fit(*(cv2.GaussianBlur(image, (0, 0), 1.5)[region] for image in (aligned, grey)))
    distance = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, 5)
    ring = (distance > _BESIDE[0]) & (distance <= _BESIDE[1])
    own, other = (spread(fine_structure(image), 5) for image in (grey, aligned))
    if not ring.any():
        return 0.0, 1.0
    grain = max(_LEAST_GRAIN, float(np.quantile(own[ring], 0.25)))
    difference = spread(fine_structure(grey - gain * aligned - offset), 5)[region]
    structure = np.maximum(own, other)
    beside = float(np.median(structure[ring]) / max(0.5, np.median(structure[region])))
    return float(np.median(difference)) / 2**0.5 / grain, beside


def _fit(values: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """Gain and offset that bring the first closest to the second. Args: (N,) float32."""
    mean, target_mean = values.mean(), target.mean()
    gain = ((values - mean) * (target - target_mean)).mean() / max(1e-6, float(((values - mean) ** 2).mean()))
    return float(gain), float(target_mean - gain * mean)
