"""What kind of image it is, as far as scores depend on it: its size, how it was saved, and whether it is suitable."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ..images.decoder_messages import quiet

#: Pixels from which on an image counts as large: below, it was mostly reduced or cut on its way.
LARGE = 350_000
#: Least JPEG quality of what counts as lightly compressed.
LIGHT = 85
#: Smallest side in pixels, and least JPEG quality, of an image of which anything can be said.
LEAST_SIDE, LEAST_QUALITY = 64, 50
#: An image is a drawing or a document, or shows nothing, where a band of so many grey levels holds so much of it.
_BAND, _LARGEST_SHARE = 9, 0.65
#: Sum of the 64 entries of the JPEG standard's luma table (ITU-T T.81, annex K): quality 50.
_STANDARD_SUM = 3688


@dataclass(frozen=True)
class ImageClass:
    """
    Attributes:
        name: of the class that scores are compared within.
        unsuitable: why nothing can be said of an image of this kind, in words; None: it can.
    """

    name: str
    unsuitable: str | None = None

    @classmethod
    def of(cls, image: np.ndarray, quality: int | None = None) -> ImageClass:
        """
        Args:
            image: (H, W, 3) uint8, BGR.
            quality: of the JPEG it was read from, see :func:`jpeg_quality`; None: another format, or not known.
        """
        height, width = image.shape[:2]
        size = f"{LARGE / 1e6:.2f} MP or more" if height * width >= LARGE else f"below {LARGE / 1e6:.2f} MP"
        saved = f"JPEG below quality {LIGHT}" if quality is not None and quality < LIGHT else "lightly compressed"
        return cls(f"{size}, {saved}", _unsuitable(image, quality))


def _unsuitable(image: np.ndarray, quality: int | None) -> str | None:
    if min(image.shape[:2]) < LEAST_SIDE:
        return f"a side below {LEAST_SIDE} pixels"
    if quality is not None and quality < LEAST_QUALITY:
        return f"saved as JPEG of quality {quality}, below {LEAST_QUALITY}"
    if _one_tone(image) > _LARGEST_SHARE:
        return "a drawing, a document, or mostly one tone"
    return None


def _one_tone(image: np.ndarray) -> float:
    """Largest share of the image that a band of ``_BAND`` grey levels holds, in [0, 1]."""
    step = max(1, int((image.shape[0] * image.shape[1] / 1_000_000) ** 0.5))
    grey = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_BGR2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256)
    return float(np.convolve(counts, np.ones(_BAND), "same").max() / grey.size)


def jpeg_quality(source) -> int | None:
    """The quality, 1 to 100, whose standard luma table is as coarse on average as the file's own.

    Args:
        source: a file's path, its content, an open file, or Pillow's image; its position in an open file is kept.

    Returns:
        None for other formats, for what is no image, and for an open file that cannot be sought.
    """
    tables = getattr(source, "quantization", None)
    if not isinstance(source, Image.Image):
        try:
            tables = _tables(io.BytesIO(source) if isinstance(source, bytes) else source)
        except Exception:  # whatever is wrong with it, reading the image says so
            return None
    if not tables:
        return None
    scale = 100 * sum(tables[min(tables)]) / _STANDARD_SUM
    return int(np.clip(round((200 - scale) / 2 if scale < 100 else 5000 / scale), 1, 100))


def _tables(file) -> dict[int, list[int]]:
    """Quantization tables of a JPEG file, which is a path or open; where it stands is kept."""
    position = None if isinstance(file, (str, os.PathLike)) else file.tell()
    try:
        with quiet(), Image.open(file, formats=("JPEG", "MPO")) as image:
            return image.quantization
    finally:
        if position is not None:
            file.seek(position)
