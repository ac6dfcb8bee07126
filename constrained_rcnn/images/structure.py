"""What an image file is made of, looked at before a decoder is: parts so many that going through them takes minutes.

Pillow handles many of them in Python, one at a time, and for some of them it needs memory that no size of the image
bounds. Files that cameras and programs write stay far below every limit of :mod:`.limits`.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .jpeg_structure import JpegStructure, check_jpeg
from .kinds import TIFF_HEADER
from .limits import (
    MAX_GIF_BLOCKS,
    MAX_PAGES,
    MAX_PARTS,
    MAX_RLE_BYTES,
    MAX_RLE_PIXELS,
    Refused,
    check_exif,
    check_parts,
)
from .tiff_structure import check_tiff

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: A PNM of bytes or bits whose header ends where one looks for it.
#: Its numbers are width, height and, but in P4, the highest value.
_SPACE = rb"(?:\s|#[^\n\r]*[\n\r])+"
PNM_HEADER = re.compile(rb"P[456]%b(\d{1,10})%b(\d{1,10})(?:%b(\d{1,10}))?\s" % (_SPACE, _SPACE, _SPACE))


@dataclass(frozen=True)
class Structure:
    """What was found on the way.

    Attributes:
        pages: number of pages or frames, ``MAX_PAGES`` at most; 0: Pillow is to be asked.
        place: what Pillow calls the wanted page, from 0.
        more: there may be more pages: counting ended at a limit.
        jpeg: of a JPEG.
    """

    pages: int = 0
    place: int = 0
    more: bool = False
    jpeg: JpegStructure | None = None


def check_structure(file: BinaryIO, max_pixels: int, page: int = 1) -> Structure:
    """Passes files that cost no more than their pixels do, and those that are no images at all.

    Args:
        file: open for reading, can be sought; its position is kept.
        max_pixels: most pixels of one tile of a TIFF.
        page: the page or frame that is wanted, from 1.

    Raises:
        Refused: a limit is passed; a PNM of text or with a header of more than 4 KiB; a TIFF or JPEG of a kind that is
            not read.
    """
    position = file.tell()
    try:
        file.seek(0)
        head = file.read(1 << 12)
        if head.startswith(b"\xff\xd8"):
            return Structure(place=page - 1, jpeg=check_jpeg(file))
        if TIFF_HEADER.match(head):
            return Structure(*check_tiff(file, head, max_pixels, page))
        if head.startswith((b"GIF87a", b"GIF89a")):
            return Structure(*_check_gif(file, page))
        if head.startswith(PNG_SIGNATURE):
            _check_png(file)
        elif head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")):
            _count(_jpeg2000_parts(file))
        elif head.startswith(b"BM"):
            _check_bmp(file, head)
        elif re.match(rb"P[1-7fFy]", head) and not PNM_HEADER.match(head):
            raise Refused("a PNM of text or of another kind than bytes and bits; save it as PNG")
        return Structure(place=page - 1)
    finally:
        file.seek(position)


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The names and lengths of a PNG's chunks up to its end; seeks from one to the next."""
    file.seek(len(PNG_SIGNATURE))
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        behind = file.tell() + length + 4  # data and checksum
        yield head[4:], length
        file.seek(behind)


def png_has_late_metadata(file: BinaryIO) -> bool:
    """Whether EXIF or text (which may hold XMP) follows a PNG's pixels; the position is kept."""
    position = file.tell()
    try:
        seen_pixels = False
        for kind, _ in png_chunks(file):
            if seen_pixels and kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
                return True
            seen_pixels |= kind == b"IDAT"
        return False
    finally:
        file.seek(position)


def _count(parts: Iterator, limit: int = MAX_PARTS) -> None:
    for count, _ in enumerate(parts, 1):
        check_parts(count, limit)


def _check_png(file: BinaryIO) -> None:
    for count, (kind, length) in enumerate(png_chunks(file), 1):
        check_parts(count)
        if kind == b"eXIf":
            check_exif(length)
        elif kind == b"CgBI":
            raise Refused("a PNG as iPhone apps hold them (CgBI), a kind that is not read; convert it to a plain PNG")


def _check_gif(file: BinaryIO, page: int) -> tuple[int, int, bool]:
    """(number of frames, place of the wanted one, whether there may be more), as few enough blocks tell it."""
    frames = 0
    for count, frame in enumerate(_gif_blocks(file), 1):
        if frames <= page:
            check_parts(count, MAX_GIF_BLOCKS)
        if count > MAX_GIF_BLOCKS or frames == MAX_PAGES:
            return frames, page - 1, True
        frames += frame
    return frames, page - 1, False


def _gif_blocks(file: BinaryIO) -> Iterator[bool]:
    """One for each block of data, and each byte out of place; True for the first of a frame."""

    def skip_colours(flags: bytes) -> None:
        if flags and flags[0] & 0x80:
            file.seek(3 << ((flags[0] & 7) + 1), os.SEEK_CUR)

    file.seek(10)
    flags = file.read(1)
    file.seek(13)
    skip_colours(flags)
    while (kind := file.read(1)) not in (b"", b";"):
        yield kind == b","
        if kind == b"!":  # an extension: its label
            file.seek(1, os.SEEK_CUR)
        elif kind == b",":
            skip_colours(file.read(9)[8:])
            file.seek(1, os.SEEK_CUR)  # bits of the first code
        else:
            continue
        while (length := file.read(1)) not in (b"", b"\0"):
            yield False
            file.seek(length[0], os.SEEK_CUR)


def _jpeg2000_parts(file: BinaryIO) -> Iterator[None]:
    """One for each box and for each marker of the code stream up to its first tile."""
    file.seek(0)
    if file.read(4) != b"\xff\x4f\xff\x51":
        file.seek(0)
        while len(head := file.read(8)) == 8:
            yield
            length, kind = struct.unpack(">L4s", head)
            if kind == b"jp2c":
                break
            if length == 1:
                length = int.from_bytes(file.read(8), "big") - 8
            if kind != b"jp2h":  # whose boxes are looked at, too
                if length < 8:
                    return
                file.seek(length - 8, os.SEEK_CUR)
        file.seek(4, os.SEEK_CUR)
    file.seek(-2, os.SEEK_CUR)  # the marker of the size
    while len(head := file.read(4)) == 4 and head[1] not in (0x90, 0xD9):
        yield
        file.seek(max(0, int.from_bytes(head[2:], "big") - 2), os.SEEK_CUR)


def _check_bmp(file: BinaryIO, head: bytes) -> None:
    if len(head) < 34:
        return
    size, width, height, _, compression = struct.unpack_from("<Lll4sL", head, 14)
    if size >= 40 and compression in (1, 2):
        if abs(width * height) > MAX_RLE_PIXELS or file.seek(0, os.SEEK_END) > MAX_RLE_BYTES:
            raise Refused(f"a BMP with run lengths of more than {MAX_RLE_PIXELS} pixels; save it as PNG")
