"""The low bytes of images with 16 bits per channel: where there is alpha or colour, Pillow keeps the high ones only."""

from __future__ import annotations

import io
import sys
import zlib
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from .opening import Opened
from .structure import PNM_HEADER

#: The order of two bytes -> the other one, by the names of Pillow's decoders; N is the machine's own.
ORDERS = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
#: The tag of a TIFF that says whether each channel has a plane of its own.
_PLANES = 284
#: In a PNG: bit depth and colour type, checksum of the header.
_PNG_KIND, _PNG_HEADER, _PNG_CHECKSUM = slice(24, 26), slice(12, 29), slice(29, 33)


def raw_modes(image: Image.Image) -> list[str]:
    """What Pillow calls the pixels of each tile as they stand in the file; nothing once they are loaded."""
    return [
        str(args[0] if isinstance(args, tuple) and args else args)
        for args in (tile[3] for tile in getattr(image, "tile", ()))
    ]


def high_and_low(opened: Opened) -> tuple[Image.Image, Image.Image] | None:
    """Decodes an image again, twice or as twice as many channels.

    Args:
        opened: with 16 bits per channel stored, in its own file.

    Returns:
        (high bytes, low bytes) of one mode with 8 bits per channel; None where Pillow does not give them.
    """
    if opened.format == "PPM":
        return _of_pnm(opened)
    image = _opened_again(opened)
    if raw_modes(image)[:1] == ["LA;16B"]:
        return _of_grey_with_alpha(opened)
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PLANES) == 2 and image.tile[0][0] == "libtiff":
        return None  # this decoder takes no notice of the order
    high, low = _decoded(opened, swapped=False), _decoded(opened, swapped=True)
    return None if high is None or low is None else (high, low)


def _file(opened: Opened) -> BinaryIO:
    assert opened.file is not None  # the caller's promise: what is not in a file has no 16 bits
    return opened.file


def _opened_again(opened: Opened) -> ImageFile.ImageFile:
    _file(opened).seek(0)
    image = Image.open(_file(opened), formats=(opened.format,))
    image.seek(opened.place)
    return image


def _decoded(opened: Opened, *, swapped: bool) -> Image.Image | None:
    """The high bytes, or the low ones: the high ones of the other order. Colours are not divided by alpha."""
    image = _opened_again(opened)
    tiles: list[Any] = []
    for tile, raw in zip(image.tile, raw_modes(image)):
        name, _, order = raw.partition(";")
        if order not in ORDERS:
            return None
        args: Any = f"{'RGBA' if name == 'RGBa' else name};{ORDERS[order] if swapped else order}"
        args = (args, *tile[3][1:]) if isinstance(tile[3], tuple) else args
        tiles.append(tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args))
    image.tile = tiles
    try:
        image.load()
    except ValueError:  # it has no such decoder
        return None
    return image


def _of_grey_with_alpha(opened: Opened) -> tuple[Image.Image, Image.Image]:
    """Of a PNG: its four bytes a pixel are those of four channels of 8 bits."""
    _file(opened).seek(0)
    data = bytearray(_file(opened).read())
    data[_PNG_KIND] = bytes([8, 6])
    data[_PNG_CHECKSUM] = zlib.crc32(data[_PNG_HEADER]).to_bytes(4, "big")
    channels = _opened_again(Opened(opened.image, opened.format, file=io.BytesIO(data), place=opened.place))
    grey, low_grey, alpha, low_alpha = channels.split()
    return Image.merge("LA", (grey, alpha)), Image.merge("LA", (low_grey, low_alpha))


def _of_pnm(opened: Opened) -> tuple[Image.Image, Image.Image]:
    header = PNM_HEADER.match(opened.head)
    assert header is not None  # Pillow has read it
    _file(opened).seek(header.end())
    width, height = opened.image.size
    values = np.frombuffer(_file(opened).read(6 * width * height), np.uint8).reshape(height, width, 3, 2)
    high, low = (Image.fromarray(np.ascontiguousarray(values[..., byte])) for byte in (0, 1))
    return high, low
