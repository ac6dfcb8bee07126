"""BigTIFF whose numbers begin with their high byte, which Pillow does not read: written as a TIFF that it does."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from .limits import Refused
from .tiff_structure import SUB_DIRECTORIES, Directory, directories, layout_of

#: Bytes of each type of a TIFF.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
#: Types of eight bytes -> the like of four.
_SHORTER = {16: 4, 17: 9, 18: 13}


def as_classic_tiff(file: BinaryIO) -> BinaryIO | None:
    """A copy in memory whose directories are those of a plain TIFF; pixels stay where they are.

    Returns None for any other file.

    Raises:
        Refused: offsets beyond 4 GiB. OSError: ends early.
    """
    file.seek(0)
    layout = layout_of(head := file.read(16))
    if layout is None or not layout.big or layout.order == "<":
        return None
    chain = list(directories(file, layout, *layout.start.unpack(head)))
    file.seek(0)
    data = bytearray(file.read())
    max_size = 2 * len(data) + (1 << 24)
    link = 4  # where the offset of the next directory stands
    data[:8] = b"MM\0*" + bytes(4)
    for directory in chain:
        rows = []
        for entry in directory.rows:
            if (row := _row(file, data, directory, *entry)) is not None:
                rows.append(row)
            if len(data) > max_size:  # entries may name the same values again and again
                raise Refused("directories larger than the file: made to cost time; save it anew")
        data += bytes(len(data) % 2)
        _put(data, link, len(data))
        data += struct.pack(">H", len(rows)) + b"".join(rows)
        link = len(data)
        data += bytes(4)
    return io.BytesIO(data)


def _row(
    file: BinaryIO, data: bytearray, directory: Directory, tag: int, kind: int, count: int, value: bytes
) -> bytes | None:
    """A classic entry; what has no room in it is appended to ``data``."""
    size = _SIZES.get(kind, 0) * count
    if not size or tag == SUB_DIRECTORIES:
        return None
    outside = directory.layout.offset.unpack(value)[0] if size > 8 else 0
    if kind in _SHORTER:
        if outside:
            file.seek(min(outside, 1 << 62))
            value = file.read(size)
        if len(value) < size:
            raise OSError("a directory's values are missing")
        numbers = struct.unpack(f">{count}{'q' if kind == 17 else 'Q'}", value[:size])
        try:
            value = struct.pack(f">{count}{'l' if kind == 17 else 'L'}", *numbers)
        except struct.error:
            raise Refused("a BigTIFF beyond 4 GiB in big-endian order, which is not read; save it anew") from None
        kind, size, outside = _SHORTER[kind], len(value), 0
    if size > 4 and not outside:
        data += bytes(len(data) % 2)
        outside = len(data)
        data += value[:size]
    if outside >= 1 << 32:
        raise Refused("a BigTIFF beyond 4 GiB in big-endian order, which is not read; save it anew")
    return struct.pack(">HHL", tag, kind, count) + (struct.pack(">L", outside) if outside else value[:4])


def _put(data: bytearray, position: int, number: int) -> None:
    data[position : position + 4] = struct.pack(">L", number)
