"""Images with an EXIF orientation, as a camera stores them, and made files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# What a camera stores for each EXIF value, as an array operation on the upright image (EXIF 2.3, tag
# 0x0112).
STORED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 3),
}


def quarters(height=24, width=40) -> np.ndarray:
    """RGB of four unlike quarters, so that no turn of it looks like another one."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = 250, 10, 20
    rgb[: height // 2, width // 2 :] = 20, 240, 30
    rgb[height // 2 :, : width // 2] = 30, 20, 230
    return rgb


def save(path, array, orientation=1, **options):
    image = Image.fromarray(np.ascontiguousarray(array))
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    image.save(path, exif=exif, **options)
    return path


def jpeg(**options):
    buffer = io.BytesIO()
    Image.fromarray(quarters()).save(buffer, "JPEG", **options)
    return buffer.getvalue()
