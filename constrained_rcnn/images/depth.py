"""Bits per channel: how many a file stores, how many of them it uses, and the way to eight."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from .limits import Refused
from .opening import Opened

#: What may be stored in 16 bits, and is scaled then.
_FEWER = (8, 10, 12, 14)
#: The order of two bytes -> the other one, by the names of Pillow's decoders; N is the machine's own.
_OTHER_ORDER = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}


@dataclass
class Depth:
    """Attributes: stored: bits per channel, as far as the file says so. used: of those in Pillow's pixels, as far as
    values tell. low: the low bytes of a colour image, whose pixels are the high ones."""

    stored: int
    used: int = 16
    low: Image.Image | None = None

    @classmethod
    def of(cls, one: Opened) -> Depth:
        """Call it before the pixels are loaded."""
        return cls(_stored(one))

    def look(self, one: Opened, blocks: Callable, *, scale: bool) -> None:
        """Finds out which bits are used. Call it when the pixels are loaded.

        Args:
            one: the image.
            blocks: its parts, as :func:`.image_pixels.blocks` gives them.
            scale: False: the high byte of 16 bits counts, whatever is used.

        Raises:
            Refused: floating point, or more than 16 bits.
        """
        image = one.image
        if image.mode == "F":
            raise Refused("floating-point picture without a defined white; save it with 8 or 16 bits")
        if image.mode.startswith("I"):
            lowest = highest = 0
            for _, _, block in blocks(image):
                values = np.asarray(block)
                lowest, highest = min(lowest, int(values.min())), max(highest, int(values.max()))
            if lowest < 0 or highest > 65535:
                raise Refused("more than 16 bits per pixel; save it with 8 or 16 bits")
        elif scale and self.stored == 16 and one.file is not None and _highest(image) < 1 << (_FEWER[-1] - 8):
            self.low = _low_bytes(one)
            highest = 65535
            if self.low is not None:
                highest = max(
                    int(_joined(block, self._low_of(block, left, top))[..., : _colours(image)].max())
                    for top, left, block in blocks(image)
                )
        else:
            return
        if self.stored == 12 and one.format == "TIFF":
            self.used = 12
        elif scale and highest:
            self.used = next((bits for bits in _FEWER if highest < 1 << bits), 16)

    def reduce(self, block: Image.Image, left: int, top: int) -> Image.Image:
        """A part with 8 bits per channel; Pillow would clip deep grey at 255."""
        if block.mode.startswith("I"):
            values = np.asarray(block).astype(np.int32)
        elif self.low is not None and self.used < 16:
            values = _joined(block, self._low_of(block, left, top))
        else:
            return block
        values = (values >> (self.used - 8)).astype(np.uint8)
        return Image.fromarray(values, "CMYK") if block.mode == "CMYK" else Image.fromarray(values)

    def changes(self) -> dict[str, str]:
        """For :class:`.reading.Reading`."""
        if self.used < self.stored and self.stored > 8:
            scaled = "scaled to 8" if self.used > 8 else "taken as they are"
            return {"bit_depth": f"{self.used} bits stored in {self.stored}, {scaled}"}
        if self.stored > 8:
            return {"bit_depth": f"{self.stored} bits per channel reduced to 8"}
        return {}

    def _low_of(self, block: Image.Image, left: int, top: int) -> Image.Image:
        assert self.low is not None  # of images with more than 8 bits only
        return self.low.crop((left, top, left + block.width, top + block.height))


def is_deep(one: Opened) -> bool:
    """Whether more than 8 bits per channel are stored."""
    return _stored(one) > 8


def _stored(one: Opened) -> int:
    image, head = one.image, one.head
    raw = [_raw_mode(tile) for tile in getattr(image, "tile", ())]
    if one.format == "JPEG2000" and (at := head.find(b"\xff\x4f\xff\x51")) >= 0 and len(head) > at + 42:
        return (head[at + 42] & 0x7F) + 1
    if one.format == "AVIF" and (at := head.find(b"av1C")) >= 0 and len(head) > at + 6:
        return (12 if head[at + 6] & 0x20 else 10) if head[at + 6] & 0x40 else 8
    if one.format == "HEIF":
        return image.info.get("bit_depth", 8)
    if "I;12" in raw:
        return 12
    if image.mode in ("I", "F") and one.format == "TIFF":
        return 32 if any("32" in name for name in raw) else 16
    deep = any(name.partition(";")[2] in _OTHER_ORDER for name in raw)  # not the "BGR;16" of a BMP
    return 16 if deep or image.mode.startswith(("I", "F")) else 8


def _raw_mode(tile: Any) -> str:
    """What Pillow calls the pixels of a tile as they stand in the file."""
    args = tile[3]
    return str(args[0] if isinstance(args, tuple) and args else args)


def _colours(image: Image.Image) -> int:
    """Number of its channels without alpha."""
    return len(image.getbands()) - ("A" in image.getbands())


def _highest(image: Image.Image) -> int:
    """The highest value of all colours."""
    extrema: Any = image.getextrema() if len(image.getbands()) > 1 else (image.getextrema(),)
    return max(high for _, high in extrema[: _colours(image)])


def _low_bytes(one: Opened) -> Image.Image | None:
    """The image decoded again, in the other order of bytes: Pillow keeps only the high ones. None where it cannot."""
    assert one.file is not None  # it is open still
    one.file.seek(0)
    again = Image.open(one.file, formats=(one.format,))
    again.seek(one.place)
    tiles: list[Any] = []
    for tile in again.tile:
        name, _, order = _raw_mode(tile).partition(";")
        if order not in _OTHER_ORDER:
            return None
        args = f"{name};{_OTHER_ORDER[order]}"
        args = (args, *tile[3][1:]) if isinstance(tile[3], tuple) else args
        tiles.append(tile._replace(args=args) if hasattr(tile, "_replace") else (*tile[:3], args))
    again.tile = tiles
    try:
        again.load()
    except ValueError:  # it has no such decoder
        return None
    return again


def _joined(high: Image.Image, low: Image.Image) -> np.ndarray:
    return np.asarray(high).astype(np.int32) << 8 | np.asarray(low)
