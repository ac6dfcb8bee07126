"""Reads the sorted string table that a V2 checkpoint keeps its index in (LevelDB's table format).

A file is a row of blocks, each followed by a byte for its compression and a masked CRC32C, and a footer of 48
bytes that says where the index block lies. The index block lists the data blocks. A block holds entries whose
keys leave out what they share with the key before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ..utils.errors import UserError

#: The last eight bytes of every table.
MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
#: Behind each block: compression (1 byte, 0: none) and checksum (4 bytes).
TRAILER_BYTES = 5
#: No released index has a longer key, or a thousandth of as many entries.
MAX_KEY_BYTES, MAX_ENTRIES = 1024, 1_000_000


class BadTable(UserError):
    """Not a table, or a damaged one; says what is wrong, the caller knows the file."""


def crc32c(data: bytes) -> int:
    """The CRC32C of some bytes, masked as TensorFlow and LevelDB store it."""
    try:
        import google_crc32c
    except ImportError:
        raise UserError(
            "checksums of TensorFlow checkpoints need google-crc32c; "
            "install it: pip install 'constrained_rcnn[tensorflow]'"
        ) from None
    value = google_crc32c.value(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Reads a protobuf varint of at most 64 bits.

    Returns:
        Its value and the position behind it.

    Raises:
        BadTable: it does not end in time.
    """
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise BadTable("a number does not end")


def read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields every (key, value) of a table in the order stored, after checking each block's checksum.

    Args:
        data: the whole file; the caller bounds its size.

    Raises:
        BadTable: not a table, damaged, or compressed (checkpoints never are).
    """
    if len(data) < FOOTER_BYTES or struct.unpack("<Q", data[-8:])[0] != MAGIC:
        raise BadTable("has no table footer, so it is another kind of file or truncated")
    footer = data[-FOOTER_BYTES:-8]
    _, position = read_varint(footer, 0)  # offset and size of a block of filters, which checkpoints do not use
    _, position = read_varint(footer, position)
    count = 0
    for _, handle in _entries(_block(data, footer, position)):
        for entry in _entries(_block(data, handle, 0)):
            count += 1
            if count > MAX_ENTRIES:
                raise BadTable(f"has more than {MAX_ENTRIES} entries")
            yield entry


def _block(data: bytes, handle: bytes, position: int) -> bytes:
    """The content of the block whose offset and size stand in ``handle``, its trailer checked and left out."""
    offset, position = read_varint(handle, position)
    size, _ = read_varint(handle, position)
    end = offset + size
    if end + TRAILER_BYTES > len(data) - FOOTER_BYTES:
        raise BadTable("a block lies beyond the end of the file")
    if crc32c(data[offset : end + 1]) != struct.unpack_from("<I", data, end + 1)[0]:
        raise BadTable("the checksum of a block is wrong, so the file is damaged")
    if data[end] != 0:
        raise BadTable("is compressed, which TensorFlow's checkpoints are not")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields a block's (key, value), keys complete."""
    if len(block) < 4:
        raise BadTable("a block is too short")
    end = len(block) - 4 * (1 + struct.unpack("<I", block[-4:])[0])  # before the restart points and their number
    if end < 0:
        raise BadTable("a block is too short")
    key, position = b"", 0
    while position < end:
        shared, position = read_varint(block, position)
        unshared, position = read_varint(block, position)
        length, position = read_varint(block, position)
        if shared > len(key) or shared + unshared > MAX_KEY_BYTES or position + unshared + length > end:
            raise BadTable("an entry is damaged")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length
