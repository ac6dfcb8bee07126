"""Writes TensorFlow's V2 checkpoint format, so that the reader is tested on real files."""

from __future__ import annotations

import struct
from pathlib import Path

import google_crc32c
import numpy as np

MAGIC = 0xDB4775248B80FB57
#: Entries between two keys stored whole, and size at which a block is full: what TensorFlow uses.
RESTART, BLOCK_BYTES = 16, 262144


def masked_crc(data: bytes) -> int:
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    """A varint field; protocol buffers leave zeros out."""
    return varint(field << 3) + varint(value) if value else b""


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def entry(array: np.ndarray, offset: int, dtype: int = 1) -> bytes:
    """BundleEntryProto; sizes of dimensions are written also when they are zero-length messages."""
    data = array.tobytes()
    shape = b"".join(message(2, number(1, size)) for size in array.shape)
    return (
        number(1, dtype) + message(2, shape) + number(4, offset) + number(5, len(data))
        + varint(6 << 3 | 5) + struct.pack("<I", masked_crc(data))
    )  # fmt: skip


def write(prefix: Path, variables: dict[str, np.ndarray], block_bytes: int = BLOCK_BYTES) -> None:
    """Writes ``<prefix>.index`` and ``<prefix>.data-00000-of-00001`` with float32 arrays (or int64 ones)."""
    header = number(1, 1) + message(3, number(1, 1))
    items, data, offset = [(b"", header)], [], 0
    for name in sorted(variables):
        array = np.asarray(variables[name])
        array = array.astype("<i8" if array.dtype.kind == "i" else "<f4", order="C")
        items.append((name.encode(), entry(array, offset, 9 if array.dtype.kind == "i" else 1)))
        data.append(array.tobytes())
        offset += array.nbytes
    Path(f"{prefix}.data-00000-of-00001").write_bytes(b"".join(data))
    Path(f"{prefix}.index").write_bytes(table(items, block_bytes))


def table(items: list[tuple[bytes, bytes]], block_bytes: int = BLOCK_BYTES, compression: int = 0) -> bytes:
    """A sorted string table of (key, value) pairs in order."""
    out, handles, pending = bytearray(), [], []
    for item in items:
        pending.append(item)
        if sum(len(k) + len(v) + 3 for k, v in pending) >= block_bytes:
            handles.append((pending[-1][0], _append(out, block(pending), compression)))
            pending = []
    if pending:
        # The last block is listed under a short key behind all of its own.
        last = pending[-1][0]
        successor = bytes([last[0] + 1]) if last and last[0] < 255 else last
        handles.append((successor, _append(out, block(pending), compression)))
    filters = _append(out, block([]), 0)
    footer = filters + _append(out, block(handles, restart=1), 0)
    return bytes(out) + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def block(items, restart: int = RESTART) -> bytes:
    out, restarts, previous = bytearray(), [], b""
    for index, (key, value) in enumerate(items):
        shared = 0
        if index % restart == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    restarts = restarts or [0]
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _append(out: bytearray, content: bytes, compression: int) -> bytes:
    """Appends a block with its trailer and returns its handle."""
    handle = varint(len(out)) + varint(len(content))
    stored = content + bytes([compression])
    out += stored + struct.pack("<I", masked_crc(stored))
    return handle
