"""What a TIFF is made of: its directories, looked at before a decoder is."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from .kinds import RAW, TIFF_HEADER
from .limits import MAX_PAGES, MAX_PARTS, Refused, check_parts

NEW_SUBFILE, OLD_SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
#: Where the strips and tiles are, the sides of a tile; directories inside of this one.
_STRIP_OFFSETS, _TILE_OFFSETS, _TILE_WIDTH, _TILE_LENGTH, SUB_DIRECTORIES = 273, 324, 322, 323, 330
#: Tags that only raw files have: DNG's version, TIFF/EP's standard.
_RAW_TAGS = (50706, 37398)
#: Photometric interpretations of a sensor's pixels (CFA, linear raw), and compressions of raw files alone.
_RAW_PHOTOMETRIC, _RAW_COMPRESSION = (32803, 34892), (32767, 32769, 32770, 34713, 34892, 65535)
#: Types that are read as one string of bytes, whatever their number: BYTE, ASCII, SBYTE, UNDEFINED.
_BYTES = (1, 2, 6, 7)
#: The only tag above those of the standard that is read for every TIFF: the colour profile.
_PROFILE = 34675
#: Types of whole numbers without a sign -> bytes.
_WHOLE = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}
#: Entries of all directories of a file that are looked at to count its pages.
_MAX_ENTRIES = 1_000_000


@dataclass(frozen=True)
class Layout:
    """How numbers stand in a TIFF: ``order`` "<" or ">", and structs of the first offset, a directory's number of
    entries, an entry (tag, type, count, value) and an offset."""

    order: str
    big: bool
    start: struct.Struct
    number: struct.Struct
    entry: struct.Struct
    offset: struct.Struct


@dataclass(frozen=True)
class Directory:
    """``rows``: (tag, type, count, value as 4 or 8 bytes) each; ``following``: offset of the next one, or 0."""

    layout: Layout
    rows: tuple[tuple[int, int, int, bytes], ...]
    following: int

    @property
    def entries(self) -> dict[int, tuple[int, int, bytes]]:
        """Tag -> (type, count, value)."""
        return {tag: (kind, count, value) for tag, kind, count, value in self.rows}

    def first(self, tag: int) -> int:
        """The whole number that a tag has in the directory itself, the largest where it stands twice; else 0."""
        order: Literal["little", "big"] = "little" if self.layout.order == "<" else "big"
        numbers = (
            int.from_bytes(value[: _WHOLE[kind]], order)
            for row_tag, kind, count, value in self.rows
            if row_tag == tag and count and kind in _WHOLE
        )
        return max(numbers, default=0)

    @property
    def reduced(self) -> bool:
        """Marked as a smaller copy of another image of the file."""
        return bool(self.first(NEW_SUBFILE) & 1) or self.first(OLD_SUBFILE) == 2

    @property
    def is_page(self) -> bool:
        """Neither a smaller copy nor the mask of another image."""
        return not self.reduced and not self.first(NEW_SUBFILE) & 4


def layout_of(head: bytes) -> Layout | None:
    """Args: head: at least the first 16 bytes. Returns None for what is no TIFF."""
    if not TIFF_HEADER.match(head) or len(head) < 8:
        return None
    order = "<" if head.startswith(b"II") else ">"
    big = b"+" in head[2:4]
    forms = ("8xQ", "Q", "HHQ8s", "Q") if big else ("4xL", "H", "HHL4s", "L")
    layout = Layout(order, big, *(struct.Struct(order + form) for form in forms))
    return layout if len(head) >= layout.start.size else None


def directory_at(file: BinaryIO, layout: Layout, offset: int) -> Directory | None:
    """The directory that begins there; None where the file ends before it does.

    Raises:
        Refused: more than ``MAX_PARTS`` entries.
    """
    file.seek(offset)
    if len(data := file.read(layout.number.size)) < layout.number.size:
        return None
    (count,) = layout.number.unpack(data)
    check_parts(count)
    data = file.read(count * layout.entry.size)
    rows = tuple(layout.entry.iter_unpack(data[: len(data) // layout.entry.size * layout.entry.size]))
    following = file.read(layout.offset.size)
    return Directory(layout, rows, layout.offset.unpack(following)[0] if len(following) == layout.offset.size else 0)


def directories(file: BinaryIO, layout: Layout, start: int) -> Iterator[Directory]:
    """One after the other as they follow each other, within limits of number and entries; each once."""
    visited: set[int] = set()
    entries = 0
    while start and start not in visited and len(visited) < MAX_PAGES and entries < _MAX_ENTRIES:
        if start >= 1 << 63 or (directory := directory_at(file, layout, start)) is None:
            return
        yield directory
        visited.add(start)
        entries += len(directory.rows)
        start = directory.following


def check_tiff(file: BinaryIO, head: bytes, max_pixels: int, page: int) -> tuple[int, int, bool]:
    """Passes a TIFF whose pages up to the wanted one cost no more than their pixels do.

    Args:
        file: read from wherever; its position is lost.
        head: at least its first 16 bytes.
        max_pixels: most pixels of one tile.
        page: the wanted one, from 1.

    Returns:
        (number of pages, place of the wanted one in the chain of directories, from 0, whether there may be more pages).
        No pages at all where the file ends in its first directory.

    Raises:
        Refused: beyond a limit; raw data; the first directory holds a reduced image.
    """
    layout = layout_of(head)
    if layout is None:
        return 0, 0, False
    pages = place = number = entries = 0
    for number, directory in enumerate(directories(file, layout, *layout.start.unpack_from(head))):
        if number == 0:
            _check_finished(file, directory)
        entries += len(directory.rows)
        if pages < page:
            _check_directory(directory, max_pixels)
        if number == 0 or directory.is_page:
            pages += 1
            if pages == page:
                place = number
    return pages, place, number + 1 >= MAX_PAGES or entries >= _MAX_ENTRIES


def _check_directory(directory: Directory, max_pixels: int) -> None:
    for tag, kind, count, _ in directory.rows:
        if tag in (_STRIP_OFFSETS, _TILE_OFFSETS) or (kind not in _BYTES and (tag < 1000 or tag == _PROFILE)):
            check_parts(count, MAX_PARTS)
    if directory.first(_TILE_WIDTH) * directory.first(_TILE_LENGTH) > max_pixels:
        raise Refused(f"tiles of more than {max_pixels} pixels; save it anew")


def _check_finished(file: BinaryIO, first: Directory) -> None:
    """Raw files begin with a thumbnail, or with what the sensor saw: neither is the image that people mean."""
    if (
        any(tag in first.entries for tag in _RAW_TAGS)
        or first.first(PHOTOMETRIC) in _RAW_PHOTOMETRIC
        or first.first(COMPRESSION) in _RAW_COMPRESSION
    ):
        raise Refused(RAW.refusal)
    if first.reduced or _holds_larger(file, first):
        raise Refused(
            "a TIFF that begins with a reduced image, as camera raw files do; save or develop the full image as a "
            "TIFF or JPEG of its own"
        )  # fmt: skip


def _holds_larger(file: BinaryIO, first: Directory) -> bool:
    """Whether a directory inside of the first one has an image of more pixels."""
    kind, count, value = first.entries.get(SUB_DIRECTORIES, (0, 0, b""))
    size = _WHOLE.get(kind, 0)
    if size < 4 or not count:
        return False
    if count * size > len(value):
        file.seek(first.layout.offset.unpack(value)[0])
        value = file.read(min(count, 16) * size)
    order: Literal["little", "big"] = "little" if first.layout.order == "<" else "big"
    offsets = [
        int.from_bytes(value[position : position + size], order) for position in range(0, len(value) - size + 1, size)
    ][:count]
    inner = (directory_at(file, first.layout, offset) for offset in offsets if 0 < offset < 1 << 63)
    own_size = first.first(WIDTH) * first.first(LENGTH)
    return any(
        directory is not None and directory.first(WIDTH) * directory.first(LENGTH) > own_size for directory in inner
    )
