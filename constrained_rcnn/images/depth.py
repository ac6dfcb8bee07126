"""Bits per channel: how many a file stores, how many of them it uses, and the way to eight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from .limits import Refused
from .opening import Opened
from .structure import PNM_HEADER
from .tiff_structure import PHOTOMETRIC
from .two_bytes import ORDERS, high_and_low, raw_modes

#: What may be stored in 16 bits, and is scaled then.
_FEWER = (8, 10, 12, 14)


@dataclass
class Depth:
    """How deep an image's pixels are, and their way to 8 bits.

    Attributes:
        stored: bits per channel, as far as the file says so.
        used: of those in Pillow's pixels, as far as values tell.
        grey: grey with alpha, which Pillow may hold as colour.
        negative: grey of which 0 is white, which Pillow turns round in 8 bits alone.
        planes: (high, low) bytes, where Pillow's pixels are the high ones and the low ones are needed.
    """

    stored: int
    used: int = 16
    grey: bool = False
    negative: bool = False
    planes: tuple[Image.Image, Image.Image] | None = None

    @classmethod
    def of(cls, opened: Opened) -> Depth:
        """Call it before the pixels are loaded."""
        tags = opened.image.tag_v2 if isinstance(opened.image, TiffImageFile) else {}
        negative = opened.image.mode.startswith("I") and tags.get(PHOTOMETRIC) == 0
        return cls(_stored(opened), grey=raw_modes(opened.image)[:1] == ["LA;16B"], negative=negative)

    def look(self, opened: Opened, blocks: Callable, *, scale: bool) -> None:
        """Finds out which bits are used. Call it when the pixels are loaded.

        Args:
            opened: the image.
            blocks: its parts, as :func:`.pixels.blocks` gives them.
            scale: False: the high byte of 16 bits counts, whatever is used.

        Raises:
            Refused: floating point, more than 16 bits, or nearly black with low bytes that cannot be reached.
        """
        image = opened.image
        if image.mode == "F":
            raise Refused("floating-point image without a defined white; save it with 8 or 16 bits")
        if image.mode.startswith("I"):
            lowest = highest = 0
            for _, _, block in blocks(image):
                values = np.asarray(block)
                lowest, highest = min(lowest, int(values.min())), max(highest, int(values.max()))
            if lowest < 0 or highest > 65535:
                raise Refused("more than 16 bits per pixel; save it with 8 or 16 bits")
        elif scale and self.stored == 16 and opened.file is not None and _may_have_fewer(image):
            self.planes = high_and_low(opened)
            if self.planes is None:
                raise Refused(
                    "16 bits per channel of which the highest are not used: nearly black as it is, and not scaled in "
                    "a file of this layout; save it as PNG"
                )
            high, low = self.planes
            highest = max(
                int(_joined(block, _part(low, block, left, top))[..., : _colours(high)].max())
                for top, left, block in blocks(high)
            )
        else:
            return
        if self.stored == 12 and opened.format == "TIFF":
            self.used = 12
        elif scale and highest:
            self.used = next((bits for bits in _FEWER if highest < 1 << bits), 16)

    def reduce(self, block: Image.Image, left: int, top: int) -> Image.Image:
        """A part with 8 bits per channel; Pillow would clip deep grey at 255."""
        if block.mode.startswith("I"):
            values = np.asarray(block).astype(np.int32)
            values = (1 << self.used) - 1 - values if self.negative else values
        elif self.planes is not None and self.used < 16:
            high, low = (_part(plane, block, left, top) for plane in self.planes)
            block, values = high, _joined(high, low)
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


def is_deep(opened: Opened) -> bool:
    """Whether more than 8 bits per channel are stored."""
    return _stored(opened) > 8


def _stored(opened: Opened) -> int:
    image, head = opened.image, opened.head
    raw = raw_modes(image)
    if opened.format == "PPM" and image.mode != "1" and (header := PNM_HEADER.match(head)) and header[3]:
        return max(8, int(header[3]).bit_length())
    if opened.format == "JPEG2000" and (position := head.find(b"\xff\x4f\xff\x51")) >= 0 and len(head) > position + 42:
        return (head[position + 42] & 0x7F) + 1
    if opened.format == "AVIF" and (position := head.find(b"av1C")) >= 0 and len(head) > position + 6:
        return (12 if head[position + 6] & 0x20 else 10) if head[position + 6] & 0x40 else 8
    if opened.format == "HEIF":
        return image.info.get("bit_depth", 8)
    if "I;12" in raw:
        return 12
    if image.mode in ("I", "F") and opened.format == "TIFF":
        return 32 if any("32" in name for name in raw) else 16
    deep = any(name.partition(";")[2] in ORDERS for name in raw)  # not the "BGR;16" of a BMP
    return 16 if deep or image.mode.startswith(("I", "F")) else 8


def _part(plane: Image.Image, block: Image.Image, left: int, top: int) -> Image.Image:
    """The part of ``plane`` that ``block`` is of the image."""
    return plane.crop((left, top, left + block.width, top + block.height))


def _colours(image: Image.Image) -> int:
    """Number of its channels without alpha."""
    return len(image.getbands()) - ("A" in image.getbands())


def _may_have_fewer(image: Image.Image) -> bool:
    """Whether the high bytes are so low that fewer bits may be stored in 16; of a colour that was multiplied by alpha
    Pillow has divided it by that again, so that a low alpha is enough."""
    extrema: Any = image.getextrema() if len(image.getbands()) > 1 else (image.getextrema(),)
    colours = _colours(image)
    limit = 1 << (_FEWER[-1] - 8)
    return max(high for _, high in extrema[:colours]) < limit or any(0 < high < limit for _, high in extrema[colours:])


def _joined(high: Image.Image, low: Image.Image) -> np.ndarray:
    return np.asarray(high).astype(np.int32) << 8 | np.asarray(low)
