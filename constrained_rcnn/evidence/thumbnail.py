"""Whether the small image that a camera embeds shows the same as the image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

#: Side that both are compared at, pixels of the longer side.
_LONGEST = 120
#: Least correlation of luma, after smoothing, that counts as the same image, and the largest difference of a patch.
_LEAST_ALIKE, _LARGEST_PATCH = 0.9, 60


@dataclass(frozen=True)
class ThumbnailCheck:
    """
    Attributes:
        alike: correlation of luma in [-1, 1].
        patch: largest mean difference of luma over a patch of 1/8 of the side, grey levels.
        differs: the thumbnail shows another image.
        images: title -> (h, w, 3) uint8 BGR for the sheet.
    """

    alike: float
    patch: float
    differs: bool
    images: dict[str, np.ndarray]


def check_thumbnail(thumbnail: np.ndarray, stored: np.ndarray) -> ThumbnailCheck | None:
    """Compares a thumbnail with the image.

    Args:
        thumbnail: (h, w, 3) uint8 BGR, in the order of the file.
        stored: (H, W, 3) uint8 BGR, likewise.

    Returns:
        None where the thumbnail shows nothing to compare.
    """
    cut = _without_bars(thumbnail, stored.shape[1] / stored.shape[0])
    scale = _LONGEST / max(cut.shape[:2])
    size = max(8, round(cut.shape[1] * scale)), max(8, round(cut.shape[0] * scale))
    small, reduced = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (cut, stored))
    first, second = (
        cv2.GaussianBlur(cv2.cvtColor(one, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 1.5)
        for one in (small, reduced)
    )
    if min(first.std(), second.std()) < 3:
        return None
    alike = float(np.corrcoef(first.ravel(), second.ravel())[0, 1])
    # A camera may render both in its own way: brightness and contrast are brought together first.
    matched = (first - first.mean()) * (second.std() / first.std()) + second.mean()
    side = max(4, max(size) // 8)
    patch = float(np.abs(cv2.blur(matched - second, (side, side))).max())
    difference = np.clip(np.abs(matched - second) * 3, 0, 255).astype(np.uint8)
    images = {
        "embedded thumbnail": small,
        "the image, reduced": reduced,
        "difference, brightened": cv2.cvtColor(difference, cv2.COLOR_GRAY2BGR),
    }
    return ThumbnailCheck(alike, patch, alike < _LEAST_ALIKE or patch > _LARGEST_PATCH, images)


def _without_bars(thumbnail: np.ndarray, ratio: float) -> np.ndarray:
    """Cuts the black bars that bring a thumbnail to 4:3, to the image's width over height."""
    height, width = thumbnail.shape[:2]
    if width / height < ratio:
        kept = round(width / ratio)
        top = (height - kept) // 2
        cut, bars = thumbnail[top : top + kept], np.concatenate([thumbnail[:top], thumbnail[top + kept :]])
    else:
        kept = round(height * ratio)
        left = (width - kept) // 2
        cut, bars = (
            thumbnail[:, left : left + kept],
            np.concatenate([thumbnail[:, :left], thumbnail[:, left + kept :]], axis=1),
        )
    return cut if cut.size and bars.size and bars.mean() < 16 else thumbnail
