"""A tampered image less its authentic partner: which partner, where they differ, and a mask made of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...images.reading import read_image, read_size
from ...matching.difference import BLUR, standing_out
from ...utils.errors import UserError

#: An image counts as the background of another one if half of the pixels differ by at most so many grey
#: levels. Measured on 690 of CASIA v1's 921 tampered images: another compression of the same image stays at
#: 13 or less; the four images whose named images are not their background start at 36.
SAME_IMAGE = 20.0

#: A region smaller than this part of the largest one is a grain of compression; chosen on casia_v1_train.
SMALLEST = 0.1


@dataclass(frozen=True)
class Difference:
    """How an image differs from its authentic partner.

    Attributes:
        partner: path of the authentic image.
        map: (H, W) float32, grey levels 0..255, maximum over channels of the absolute difference.
        median: of the map; small where the partner is the background.
    """

    partner: Path
    map: np.ndarray
    median: float


def difference(image: np.ndarray, candidates: Iterable[Path]) -> Difference | None:
    """Subtracts the best of several authentic images: the one with the smallest median difference.

    Which of the two ids in a CASIA name is the background cannot be told from the name (it is the first in
    386 of 458, the second in 72), so the pixels decide.

    Args:
        image: (H, W, 3) uint8 BGR.
        candidates: authentic images; those that cannot be read or are of another size are passed over.

    Returns:
        The difference to the background, None where no candidate is it.
    """
    best = None
    for path in candidates:
        try:
            if read_size(path) != image.shape[:2]:
                continue
            other = read_image(path)
        except UserError:
            continue
        levels = cv2.absdiff(image, other).max(axis=2).astype(np.float32)
        median = float(np.median(levels))
        if best is None or median < best.median:
            best = Difference(path, levels, median)
    return best if best and best.median <= SAME_IMAGE else None


def changed(image: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Makes a ground-truth mask: where an image differs from its authentic partner by more than compression does.

    Maximum over channels of the difference, each channel blurred a little; what stands out of it; regions that are
    small beside the largest dropped. CASIA v1, mean IoU with the masks of Pham et al.: see ``datasets/README.md``.

    Args:
        image, partner: (H, W, 3) uint8 BGR, of one size.

    Returns:
        (H, W) bool, True = changed; all False where nothing stands out.
    """
    blurred = cv2.GaussianBlur(cv2.absdiff(image, partner).astype(np.float32), (0, 0), BLUR)
    levels = blurred.max(axis=2)
    return _without_small(standing_out(levels, levels))


def _without_small(mask: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count < 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return (areas >= max(SMALLEST * areas.max(), 1))[labels]
