"""What a picture file is made of, looked at before a decoder is: parts so many that going through them takes minutes.

Pillow handles many of them in Python, one at a time, and for some of them it needs memory that no size of the picture
bounds. Files that cameras and programs write stay far below every limit here.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

#: Most scans of a JPEG; progressive ones have about ten, and each costs a pass over the whole picture.
MAX_SCANS = 100
#: Most segments of a JPEG, chunks of a PNG (at the usual 8 KiB a chunk, that many hold 800 MiB), boxes of a JPEG 2000,
#: strips or tiles of a TIFF, and numbers that one of its tags may hold.
MAX_PARTS = 100_000
#: Most blocks of at most 255 bytes around a GIF's first frame.
MAX_GIF_BLOCKS = 1_000_000
#: Most bytes of EXIF; a JPEG's segment holds a sixteenth of that.
MAX_EXIF = 1 << 20
#: Largest BMP with run lengths, in pixels and in bytes: Pillow decodes those in Python.
MAX_RLE_PIXELS = 1 << 24
MAX_RLE_BYTES = 1 << 25

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: A PNM of bytes or bits whose header ends where one looks for it.
_PNM_HEADER = re.compile(rb"P[456](?:(?:\s|#[^\n\r]*[\n\r])+\d{1,10}){2,3}\s")
#: What ends a JPEG's coded pixels: neither a stuffed 0xFF nor a restart.
_JPEG_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
#: What Pillow opens as TIFF or BigTIFF.
_TIFF_HEADER = re.compile(rb"II(?:[*+]\0|\0[*])|MM(?:\0[*+]|[*]\0)")
#: TIFF tags: where the strips and tiles are, the sides of a tile.
_STRIP_OFFSETS, _TILE_OFFSETS, _TILE_WIDTH, _TILE_LENGTH = 273, 324, 322, 323
#: TIFF types that are read as one string of bytes, whatever their number: BYTE, ASCII, SBYTE, UNDEFINED.
_TIFF_BYTES = (1, 2, 6, 7)
#: The only tag above those of the standard that is read for every TIFF: the colour profile.
_TIFF_PROFILE = 34675


class Refused(Exception):
    """A picture that could be decoded but is not; the message lacks only the file's name."""


def check_structure(file: BinaryIO, max_pixels: int) -> None:
    """Passes files that cost no more than their pixels do, and those that are no pictures at all.

    Args:
        file: open for reading, can be sought; its position is kept.
        max_pixels: most pixels of one tile of a TIFF.

    Raises:
        Refused: one of the limits above is passed, or a PNM of text or with a header of more than 4 KiB.
    """
    position = file.tell()
    try:
        file.seek(0)
        head = file.read(1 << 12)
        if head.startswith(b"\xff\xd8"):
            _check_jpeg(file)
        elif head.startswith(PNG_SIGNATURE):
            _check_png(file)
        elif _TIFF_HEADER.match(head):
            _check_tiff(file, head, max_pixels)
        elif head.startswith((b"GIF87a", b"GIF89a")):
            _count(_gif_blocks(file), MAX_GIF_BLOCKS)
        elif head.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")):
            _count(_jpeg2000_parts(file))
        elif head.startswith(b"BM"):
            _check_bmp(file, head)
        elif re.match(rb"P[1-7fFy]", head) and not _PNM_HEADER.match(head):
            raise Refused("a PNM of text or of another kind than bytes and bits; save it as PNG")
    finally:
        file.seek(position)


def check_exif(size: int) -> None:
    """Raises Refused for more than ``MAX_EXIF`` bytes of EXIF."""
    if size > MAX_EXIF:
        raise Refused(f"more than {MAX_EXIF >> 20} MiB of EXIF: made to cost time; save it anew")


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The names and lengths of a PNG's chunks up to its end; seeks from one to the next."""
    file.seek(len(PNG_SIGNATURE))
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        yield head[4:], length
        file.seek(length + 4, os.SEEK_CUR)  # data and checksum


def _check_parts(count: int, limit: int = MAX_PARTS) -> None:
    if count > limit:
        raise Refused(f"more than {limit} parts in one file: made to cost time; save it anew")


def _count(parts: Iterator, limit: int = MAX_PARTS) -> None:
    for count, _ in enumerate(parts, 1):
        _check_parts(count, limit)


def _check_png(file: BinaryIO) -> None:
    for count, (kind, length) in enumerate(png_chunks(file), 1):
        _check_parts(count)
        if kind == b"eXIf":
            check_exif(length)


def _check_jpeg(file: BinaryIO) -> None:
    scans = exif = 0
    for count, (kind, length, begin) in enumerate(_jpeg_segments(file), 1):
        _check_parts(count)
        scans += kind == 0xDA
        if scans > MAX_SCANS:
            raise Refused(f"more than {MAX_SCANS} scans in one JPEG: made to cost time; save it anew")
        if kind == 0xE1 and begin == b"Exif\0\0":  # Pillow joins them all
            exif += length
            check_exif(exif)


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """(second byte of the marker, length, first six bytes) of a JPEG's segments up to its end, restarts left out."""
    position, size = 2, 1 << 12  # after the start of the image
    while True:
        file.seek(position)
        block = file.read(size)
        found = _JPEG_MARKER.search(block)
        if found is None:
            if len(block) < 2:
                return
            position, size = position + len(block) - 1, 1 << 16  # the last byte may begin a marker
            continue
        kind = block[found.end() - 1]
        if kind == 0xD9:  # end of the image
            return
        position, size = position + found.end(), 1 << 12
        length, begin = 0, b""
        if kind not in (0x01, 0xD8):  # these two have no length
            file.seek(position)
            head = file.read(8)
            length, begin = int.from_bytes(head[:2], "big"), head[2:]
        yield kind, length, begin
        position += length


def _check_tiff(file: BinaryIO, head: bytes, max_pixels: int) -> None:
    """Looks at the first directory, as the reader does: 12 bytes an entry, 20 in a BigTIFF."""
    order = "<" if head.startswith(b"II") else ">"
    big = head[2:3] == b"\x2b"
    start, number, entry = ("8xQ", "Q", "HHQ8s") if big else ("4xL", "H", "HHL4s")
    start, number, entry = (struct.Struct(order + form) for form in (start, number, entry))
    if len(head) < start.size:
        return
    file.seek(*start.unpack_from(head))
    (entries,) = number.unpack(file.read(number.size))
    _check_parts(entries)
    tile = {_TILE_WIDTH: 0, _TILE_LENGTH: 0}
    for _ in range(entries):
        if len(data := file.read(entry.size)) < entry.size:
            return
        tag, kind, count, value = entry.unpack(data)
        if tag in (_STRIP_OFFSETS, _TILE_OFFSETS) or (
            kind not in _TIFF_BYTES and (tag < 1000 or tag == _TIFF_PROFILE)
        ):
            _check_parts(count)
        if tag in tile and kind in (3, 4, 16):
            size = {3: 2, 4: 4, 16: 8}[kind]
            tile[tag] = max(tile[tag], int.from_bytes(value[:size], "little" if order == "<" else "big"))
    if tile[_TILE_WIDTH] * tile[_TILE_LENGTH] > max_pixels:
        raise Refused(f"tiles of more than {max_pixels} pixels; save it anew")


def _gif_blocks(file: BinaryIO) -> Iterator[None]:
    """One for each block of data, and each byte out of place, up to a GIF's second frame."""

    def skip_colours(flags: bytes) -> None:
        if flags and flags[0] & 0x80:
            file.seek(3 << ((flags[0] & 7) + 1), os.SEEK_CUR)

    file.seek(10)
    flags = file.read(1)
    file.seek(13)
    skip_colours(flags)
    frames = 0
    while (kind := file.read(1)) not in (b"", b";"):
        yield
        if kind == b"!":  # an extension: its label
            file.seek(1, os.SEEK_CUR)
        elif kind == b",":
            frames += 1
            if frames == 2:
                return
            skip_colours(file.read(9)[8:])
            file.seek(1, os.SEEK_CUR)  # bits of the first code
        else:
            continue
        while (length := file.read(1)) not in (b"", b"\0"):
            yield
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
