"""One numeric array out of a MATLAB file of level 5 (``save -v6`` and ``-v7``), without a library for it.

The format: a header of 128 bytes, then elements of a type, a length and padded data; a matrix is an element
of elements (flags, dimensions, name, values); any element may lie inside of a zlib-compressed one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from constrained_rcnn.utils.errors import UserError

_MATRIX, _COMPRESSED = 14, 15
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}


def read_matrix(path: Path, name: str) -> np.ndarray:
    """Reads the array called ``name``: float64, of the shape that MATLAB shows.

    Raises:
        UserError: no such file, another version of the format, damaged, or no numeric array of that name.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None or data[124:126] not in (b"\x00\x01", b"\x01\x00"):
        raise UserError(f"{path}: not a MATLAB file of level 5; save it in MATLAB with -v7")
    try:
        for kind, body in _elements(data[128:], order):
            if kind == _MATRIX:
                found, values = _matrix(body, order)
                if found == name and values is not None:
                    return values
    except (struct.error, zlib.error, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path}: damaged MATLAB file ({error})") from None
    raise UserError(f"{path}: no numeric array {name} in it")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 8 <= len(data):
        kind, length = struct.unpack_from(f"{order}II", data, place)
        if kind >> 16:  # small form: length and type share four bytes, four bytes of data follow
            yield kind & 0xFFFF, data[place + 4 : place + 4 + (kind >> 16)]
            place += 8
            continue
        body = data[place + 8 : place + 8 + length]
        if len(body) < length:
            raise ValueError("ends too early")
        if kind == _COMPRESSED:
            yield from _elements(zlib.decompress(body), order)
            place += 8 + length  # compressed elements are not padded
        else:
            yield kind, body
            place += 8 + length + -length % 8


def _matrix(body: bytes, order: str) -> tuple[str, np.ndarray | None]:
    (_, _), (_, shape), (_, name), *rest = _elements(body, order)
    if not rest or rest[0][0] not in _TYPES:  # cells, structures
        return name.decode("latin-1"), None
    kind, values = rest[0]
    array = np.frombuffer(values, order + _TYPES[kind]).astype(np.float64)
    return name.decode("latin-1"), array.reshape(np.frombuffer(shape, order + "i4"), order="F")
