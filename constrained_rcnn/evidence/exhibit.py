"""The image that the witnesses look at: its bytes and its pixels, read once for all of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ..images.opening import Source, name_of, opened
from ..images.pixels import blocks, orientation_of, pixels_of
from ..images.reading import MAX_PIXELS
from ..utils.errors import UserError
from ..utils.files import printable
from .blocks import BlockCoefficients, block_coefficients
from .double_compression import EarlierCompression, earlier_compression
from .file_class import FileClass, file_class

#: Largest file that is examined, bytes; all of it is held in memory.
MAX_BYTES = 1 << 30
#: What Pillow found in a file's header that witnesses look at.
_INFO = ("exif", "xmp", "comment", "photoshop")


@dataclass(frozen=True)
class Exhibit:
    """One image.

    Attributes:
        data: the file's bytes.
        format: Pillow's name of it, for instance ``"JPEG"``; of a phone's JPEG with several images ``"MPO"``.
        pixels: (H, W, 3) uint8 BGR, upright.
        luma: (h, w) uint8, in the order of the file, not turned: JPEG's blocks begin at its corner. Of a colour JPEG as
            its decoder gives it, else computed from the colours (BT.601).
        turn: what makes ``luma`` upright; None: it is.
        info: what the file's header says beside the pixels: ``exif``, ``xmp`` (bytes), ``texts`` (of a PNG), ...
        quantization: JPEG's tables, number -> 64 values in the order of rows; empty for other formats.
        stored_size: (width, height) in the file.
        orientation: EXIF value 1..8.
        profile: the colour profile by which people are to be shown the image; empty: none.
    """

    data: bytes
    format: str
    pixels: np.ndarray
    luma: np.ndarray
    turn: Image.Transpose | None
    info: dict[str, Any]
    quantization: dict[int, list[int]]
    stored_size: tuple[int, int]
    orientation: int
    profile: bytes = b""

    @classmethod
    def read(
        cls, source: Source, *, name: str | None = None, page: int | None = None, max_pixels: int = MAX_PIXELS
    ) -> Exhibit:
        """Reads an image.

        Args:
            source: a file's path, or its content.
            name: what messages call it.
            page: page or frame of the file, from 1; None: the first, of HEIF the primary one.
            max_pixels: larger images are refused.

        Raises:
            UserError: it cannot be read.
        """
        name = name_of(source, name)
        data = source if isinstance(source, bytes) else _bytes_of(source, name)
        with opened(data, max_pixels, name, page=page) as one:
            image = one.image
            orientation, turn = orientation_of(one)
            stored_size = image.size
            info = {key: image.info[key] for key in _INFO if key in image.info}
            tables = dict(getattr(image, "quantization", None) or {})
            colours = _of_jpeg(image) if one.format == "JPEG" else None
            profile = image.info.get("icc_profile") or b""
            if colours is not None:
                luma, pixels = colours[0], _upright(colours[1], turn)
            else:
                pixels = pixels_of(one, "RGB", reverse=True, scale=True)
                luma = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
                turn, profile = None, one.profile
            # Of a PNG these stand complete after decoding.
            info.update({key: image.info[key] for key in _INFO if key in image.info})
            info["texts"] = _texts(image)
            if one.format == "TIFF":
                info["tags"] = _tags(image)
        return cls(
            data, image.format or one.format, pixels, luma, turn, info, tables, stored_size, orientation, profile
        )

    @functools.cached_property
    def blocks(self) -> BlockCoefficients:
        """DCT coefficients of ``luma`` in the blocks of JPEG, of a sample of them where the image is large."""
        return block_coefficients(self.luma)

    @functools.cached_property
    def shifted_blocks(self) -> BlockCoefficients:
        """The same in blocks that begin at (4, 4), across the borders of JPEG's."""
        return block_coefficients(self.luma[4:, 4:])

    @functools.cached_property
    def earlier_compression(self) -> EarlierCompression | None:
        """Traces of a JPEG compression before the last one, or before the file of another kind; None: too little of the
        image is left to tell."""
        table = self.quantization[min(self.quantization)] if self.is_jpeg else None
        return earlier_compression(self.blocks, self.shifted_blocks, table)

    @functools.cached_property
    def file_class(self) -> FileClass:
        """What probably happened to the file before."""
        return file_class(self)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the upright image."""
        return self.pixels.shape[:2]

    @property
    def is_jpeg(self) -> bool:
        """The file itself is a JPEG."""
        return bool(self.quantization)

    def upright(self, array: np.ndarray) -> np.ndarray:
        """Turns a map over ``luma`` as the image is turned."""
        return _upright(array, self.turn)

    def upright_region(self, region: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Turns (x1, y1, x2, y2) over ``luma`` as the image is turned."""
        mark = np.zeros(self.luma.shape, bool)
        x1, y1, x2, y2 = region
        mark[y1:y2, x1:x2] = True
        rows, columns = (np.flatnonzero(self.upright(mark).any(axis=axis)) for axis in (1, 0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def stored_order(exhibit: Exhibit) -> np.ndarray:
    """(h, w, 3) uint8 BGR in the order of the file, as its thumbnail is stored; not turned."""
    if exhibit.turn is None:
        return exhibit.pixels
    back = {
        Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    }
    return _upright(exhibit.pixels, back.get(exhibit.turn, exhibit.turn))


def _bytes_of(source: Source, name: str) -> bytes:
    try:
        if hasattr(source, "read"):
            data = source.read(MAX_BYTES + 1)
        else:
            with open(source, "rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{name}: {(error.strerror or str(error)).lower()}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{name}: a file of more than {MAX_BYTES >> 30} GiB; save the image alone")
    return data


def _of_jpeg(image: Image.Image) -> tuple[np.ndarray, np.ndarray] | None:
    """(h, w) uint8 luma of a JPEG as its decoder gives it, and (h, w, 3) uint8 BGR; None where it stores other
    colours."""
    if image.mode != "RGB" or len(getattr(image, "layer", ())) != 3:
        return None
    image.draft("YCbCr", image.size)
    if image.mode != "YCbCr":
        return None
    image.load()
    luma = np.empty(image.size[::-1], np.uint8)
    pixels = np.empty((*luma.shape, 3), np.uint8)
    # In parts that stay in the processor's cache.
    for top, left, block in blocks(image):
        stored = np.asarray(block)
        place = slice(top, top + block.height), slice(left, left + block.width)
        luma[place] = stored[..., 0]
        swapped = np.empty_like(stored)
        cv2.mixChannels([stored], [swapped], [0, 0, 1, 2, 2, 1])
        pixels[place] = cv2.cvtColor(swapped, cv2.COLOR_YCrCb2BGR)
    return luma, pixels


def _upright(array: np.ndarray, turn: Image.Transpose | None) -> np.ndarray:
    turned = {
        Image.Transpose.FLIP_LEFT_RIGHT: lambda: array[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: lambda: array[::-1],
        Image.Transpose.ROTATE_180: lambda: array[::-1, ::-1],
        Image.Transpose.TRANSPOSE: lambda: array.swapaxes(0, 1),
        Image.Transpose.TRANSVERSE: lambda: array[::-1, ::-1].swapaxes(0, 1),
        Image.Transpose.ROTATE_270: lambda: np.rot90(array, -1),
        Image.Transpose.ROTATE_90: lambda: np.rot90(array),
    }.get(turn, lambda: array)()
    return np.ascontiguousarray(turned)


def _texts(image: Image.Image) -> dict[str, str]:
    """Text chunks of a PNG, bounded."""
    texts = getattr(image, "text", None) or {}
    return {printable(str(key))[:80]: str(value)[: 1 << 16] for key, value in list(texts.items())[:100]}


def _tags(image: Image.Image) -> dict[int, Any]:
    """Tags of a TIFF that hold metadata: XMP (700), IPTC (33723), software and the like."""
    found = {}
    for number in (271, 272, 305, 306, 315, 700, 33723):
        try:
            value = image.tag_v2.get(number)
        except Exception:  # a broken tag hides itself, not the image
            continue
        if value is not None:
            found[number] = value
    return found
