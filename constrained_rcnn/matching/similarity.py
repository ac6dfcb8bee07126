"""Whether two images, laid one on the other, show the same down to their finest structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

#: Longest side that is looked at, pixels; larger images are reduced.
WORKING_SIDE = 1600
#: What ``warped`` puts where an image has nothing, grey levels.
OUTSIDE = -500.0
#: Window, pixels, and least correlation of fine structure and of grey values at one place.
WINDOW, _FINE, _GREY = 9, 0.4, 0.6
#: Smallest region, as a share of the image, and fewest keypoints in a connected part of it.
SMALLEST, _KEYPOINTS_IN_PART = 0.0008, 3
#: What is drawn: around it, in pixels, the share of pixels amid a spread below the second number, grey levels, and the
#: share of one tone and its neighbours are together above the third.
_AROUND, _FLAT, _DRAWN = 15, 0.7, 0.75


@dataclass(frozen=True)
class Alike:
    """Where two images are alike.

    Attributes:
        fine: (H, W) float32, correlation of their fine structure around every pixel, -1 to 1.
        labels: (H, W) int32, connected parts that are alike; 0 elsewhere.
        parts: labels of those that are large enough and hold keypoints enough, largest first.
        keypoint_counts: of keypoints in each label.
    """

    fine: np.ndarray
    labels: np.ndarray
    parts: list[int]
    keypoint_counts: np.ndarray


def reduced(image: np.ndarray) -> np.ndarray:
    """The image with a longer side of at most ``WORKING_SIDE``; itself if that is so. Args: (H, W) or (H, W, 3)."""
    factor = min(1.0, WORKING_SIDE / max(image.shape[:2]))
    if factor < 1:
        size = tuple(max(1, round(side * factor)) for side in image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image


def warped(image: np.ndarray, transform: np.ndarray, shape: Sequence[int], *, inverse: bool = False) -> np.ndarray:
    """An image as the transform lays it.

    Args:
        image: (h, w) or (h, w, C) float32.
        transform: (2, 3), pixels of the image to those of the result; with ``inverse`` the other way.
        shape: (H, W) of the result.

    Returns:
        (H, W) or (H, W, C) float32, ``OUTSIDE`` where the image has nothing.
    """
    flags = cv2.INTER_CUBIC | (cv2.WARP_INVERSE_MAP if inverse else 0)
    return cv2.warpAffine(image, transform, shape[1::-1], flags=flags, borderValue=(OUTSIDE,) * 4)


def inside(aligned: np.ndarray) -> np.ndarray:
    """Where a window around the pixel holds nothing from outside. Args: (H, W) of ``warped``. Returns: bool."""
    return cv2.erode((aligned > -100).astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0


def alike(grey: np.ndarray, aligned: np.ndarray, agreeing: np.ndarray, smallest: float | None = None) -> Alike:
    """
    Args:
        grey: (H, W) float32, grey levels 0 to 255.
        aligned: the other image, of ``warped``.
        agreeing: (K, 2) int, XY, keypoints at which the transform was found.
        smallest: fewest pixels of a part; None: ``SMALLEST`` of these.
    """
    smallest = SMALLEST * grey.size if smallest is None else smallest
    height, width = grey.shape
    fine = correlation(fine_structure(grey), fine_structure(aligned))
    same = inside(aligned) & (fine > _FINE) & (correlation(grey, aligned) > _GREY)
    same = cv2.morphologyEx(same.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(same)
    x, y = agreeing[:, 0].clip(0, width - 1), agreeing[:, 1].clip(0, height - 1)
    keypoint_counts = np.bincount(labels[y, x], minlength=count)
    areas = statistics[:, cv2.CC_STAT_AREA]
    large_enough = (keypoint_counts >= _KEYPOINTS_IN_PART) & (areas >= smallest)
    large_enough[0] = False  # what is not alike
    return Alike(fine, labels, sorted(np.flatnonzero(large_enough), key=lambda part: -areas[part]), keypoint_counts)


def is_drawing(grey: np.ndarray, region: np.ndarray) -> bool:
    """Whether the region is text or a drawing, which repeat by nature: much of one tone, and flat between its edges.

    Photographs have noise: of CASIA's copies (casia_v1_train) none is above 0.53, of the pages and drawings tried none
    below 1.

    Args:
        grey: (H, W) float32, grey levels 0 to 255.
        region: (H, W) bool, not empty.
    """
    region = cv2.dilate(region.view(np.uint8), np.ones((2 * _AROUND + 1,) * 2, np.uint8)).view(bool)
    tones = np.convolve(np.bincount(grey[region].astype(np.uint8), minlength=256), np.ones(3))
    flat = spread(grey, 5)[region] < _FLAT
    return bool(flat.mean() + tones.max() / region.sum() > _DRAWN)


def among_flat(grey: np.ndarray) -> np.ndarray:
    """Share of pixels around each that are flat, as around letters and lines of a drawing. (H, W) float32 in [0, 1].

    Args:
        grey: (H, W) float32, grey levels 0 to 255.
    """
    return cv2.blur((spread(grey, 5) < _FLAT).astype(np.float32), (2 * _AROUND + 1,) * 2)


def spread(grey: np.ndarray, window: int) -> np.ndarray:
    """Standard deviation in a window of so many pixels around each. Args, returns: (H, W) float32."""
    size = (window, window)
    return np.sqrt(np.maximum(cv2.blur(grey * grey, size) - cv2.blur(grey, size) ** 2, 0))


def fine_structure(grey: np.ndarray) -> np.ndarray:
    """The image less smooth shading. Args, returns: (H, W) float32."""
    return grey - cv2.GaussianBlur(grey, (0, 0), 2)


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlation coefficient within a window around every pixel; 0 where either is flat, below half a grey level.

    Args, returns: (H, W) float32.
    """

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (WINDOW, WINDOW))

    first_mean, second_mean = mean(first), mean(second)
    variances = [np.maximum(mean(a * a) - m * m, 0.25) for a, m in ((first, first_mean), (second, second_mean))]
    return (mean(first * second) - first_mean * second_mean) / np.sqrt(variances[0] * variances[1])
