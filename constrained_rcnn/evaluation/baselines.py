"""What every detector should be compared with: maps that need no training (NumPy and OpenCV only).

A baseline is a function from an image, (H, W, 3) uint8 BGR 0..255, to a map, (H, W) float32 in [0, 1], higher
= more likely manipulated. Each has ONE polarity, stated here; none sees the ground truth. Smoothing and the
polarity of the noise are those that were strongest among a few tried on CASIA v1 recompressed at JPEG 90: a
weak baseline flatters whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ..images.reading import read_image
from ..utils.errors import UserError
from .metrics.records import PLAIN, MetricVariants, image_record
from .metrics.summary import summarise

#: Error-level analysis: quality of the recompression.
ELA_QUALITY = 90
#: Standard deviation of the smoothing as a fraction of the square root of the image's area (16 px at
#: 384x256).
SMOOTHING = 0.05
#: A map is 0.5 where the evidence is this many times its median over the image.
TYPICAL_TIMES = 3.0
#: Side of the windows whose noise is estimated, pixels.
NOISE_WINDOW = 15


def all_ones(image: np.ndarray) -> np.ndarray:
    """Everything is manipulated: its ``f1_best`` is ``f1_floor``."""
    return np.ones(image.shape[:2], np.float32)


def centre_prior(image: np.ndarray) -> np.ndarray:
    """Forgeries stand near the middle: a Gaussian of a quarter of each side, 1 in the centre."""
    rows, columns = (np.square((np.arange(n) + 0.5) / n - 0.5) for n in image.shape[:2])
    return np.exp(-(rows[:, None] + columns[None]) / (2 * 0.25**2)).astype(np.float32)


def error_level_analysis(image: np.ndarray) -> np.ndarray:
    """Smoothed error-level analysis: how much a pixel changes when the image is saved as JPEG once more.

    What has been compressed at the same quality before changes little; what was pasted in changes more.
    Quality 90, the largest absolute difference over the channels, a Gaussian of ``SMOOTHING``. High error =
    manipulated.
    """
    ok, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, ELA_QUALITY])
    if not ok:  # JPEG ends at 65,535 pixels a side
        raise ValueError(f"an image of {image.shape[1]}x{image.shape[0]} cannot be saved as JPEG")
    error = cv2.absdiff(image, cv2.imdecode(encoded, cv2.IMREAD_COLOR)).max(axis=2)
    return _relative(_smooth(error.astype(np.float32)))


def local_noise_variance(image: np.ndarray) -> np.ndarray:
    """Local variance of the high-pass residual: what comes from a sharper or noisier image stands out.

    The residual is the luma's response to Immerkaer's mask (Fast Noise Variance Estimation, 1996), which
    cancels planes and so most image content; its variance over ``NOISE_WINDOW``, smoothed. High variance =
    manipulated.
    """
    luma = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    residual = cv2.filter2D(luma, cv2.CV_32F, mask, borderType=cv2.BORDER_REFLECT)
    window = (NOISE_WINDOW, NOISE_WINDOW)
    mean = cv2.blur(residual, window, borderType=cv2.BORDER_REFLECT)
    square = cv2.blur(residual * residual, window, borderType=cv2.BORDER_REFLECT)
    return _relative(_smooth(np.maximum(square - mean * mean, 0)))


BASELINES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "all_ones": all_ones,
    "centre_prior": centre_prior,
    "error_level_analysis": error_level_analysis,
    "local_noise_variance": local_noise_variance,
}


def evaluate_baseline(
    name: str,
    dataset_dicts: Sequence[Mapping[str, Any]],
    *,
    variants: MetricVariants = PLAIN,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, Any]:
    """Runs a baseline over a dataset, through the same reduction as a model.

    Args:
        name: a key of ``BASELINES``.
        dataset_dicts: as in :func:`.metrics.records.image_record`.
        variants: see there.
        progress: wraps the iteration over the images, for instance ``tqdm``.

    Returns:
        What :func:`.metrics.summary.summarise` returns. An image's score is the maximum of its map, as the model's is.

    Raises:
        UserError: no such baseline, or an image cannot be read.
    """
    if name not in BASELINES:
        raise UserError(f"no baseline {name!r}; there are {', '.join(BASELINES)}")
    records = []
    for item in progress(dataset_dicts):
        try:
            score_map = BASELINES[name](read_image(item["file_name"], format="BGR"))
        except (ValueError, cv2.error) as error:
            raise UserError(f"{item['file_name']}: {error}") from error
        records.append(image_record(item, score_map, float(score_map.max()), variants))
    return summarise(records, variants)


def _smooth(values: np.ndarray) -> np.ndarray:
    sigma = max(SMOOTHING * np.sqrt(values.size), 0.5)
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _relative(evidence: np.ndarray) -> np.ndarray:
    """Evidence >= 0 -> [0, 1) by x / (x + ``TYPICAL_TIMES`` * median): keeps the order, no outlier rules."""
    evidence = np.maximum(evidence, 0)
    typical = TYPICAL_TIMES * float(np.median(evidence))
    return (evidence / (evidence + max(typical, 1e-6))).astype(np.float32)
