"""BMP whose colours stand in bit fields that Pillow does not know."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image

from .limits import Refused

#: Compressions: bit fields of three colours, of three and alpha.
_FIELDS, _FIELDS_AND_ALPHA = 3, 6
_ROWS = 256


def read_fields(file: BinaryIO, max_pixels: int) -> tuple[Image.Image, str] | None:
    """Reads a BMP of 16 or 32 bits a pixel in bit fields.

    Args:
        file: read from its start.
        max_pixels: refuse larger images.

    Returns:
        The image (RGB, or RGBA where there is alpha) and the widths of its fields, for instance "5-6-5"; None for any
        other file.

    Raises:
        Refused: too large. OSError: ends early.
    """
    file.seek(0)
    head = file.read(138)
    if not head.startswith(b"BM") or len(head) < 66:
        return None
    start, size, width, height, _, bits, compression = struct.unpack_from("<LLllHHL", head, 10)
    if size < 40 or bits not in (16, 32) or compression not in (_FIELDS, _FIELDS_AND_ALPHA):
        return None
    masks = list(struct.unpack_from("<4L", head, 54)) if len(head) >= 70 else [*struct.unpack_from("<3L", head, 54), 0]
    if size < 56 and compression == _FIELDS:
        masks[3] = 0
    if not all(masks[:3]) or any(mask >> bits or not _is_field(mask) for mask in masks):
        return None
    if width <= 0 or height == 0:
        return None
    if width * abs(height) > max_pixels:
        raise Refused(f"{width}x{abs(height)} is more than {max_pixels} pixels; raise INPUT.MAX_PIXELS if it is meant")
    return _pixels(file, start, (abs(height), width), bits, masks, height < 0), "-".join(
        str(bin(mask).count("1")) for mask in masks if mask
    )


def _is_field(mask: int) -> bool:
    """Whether its bits stand together."""
    return mask == 0 or (mask // (mask & -mask)) & (mask // (mask & -mask) + 1) == 0


def _pixels(
    file: BinaryIO, start: int, size: tuple[int, int], bits: int, masks: Sequence[int], from_top: bool
) -> Image.Image:
    height, width = size
    stride = (width * bits + 31) // 32 * 4
    channels = [mask for mask in masks if mask]
    pixels = np.empty((height, width, len(channels)), np.uint8)
    file.seek(start)
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        data = file.read(rows * stride)
        if len(data) < rows * stride:
            raise OSError("image file is truncated")
        words = np.frombuffer(data, np.uint8).reshape(rows, stride)[:, : width * bits // 8].copy()
        words = words.view("<u2" if bits == 16 else "<u4")
        for channel, mask in enumerate(channels):
            shift = (mask & -mask).bit_length() - 1
            values, white = (words.astype(np.uint64) & mask) >> shift, mask >> shift
            pixels[top : top + rows, :, channel] = (values * 255 + white // 2) // white
    return Image.fromarray(pixels if from_top else np.ascontiguousarray(pixels[::-1]))
