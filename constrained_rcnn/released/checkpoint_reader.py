"""Reads TensorFlow's V2 checkpoints: an index of names, and data files of raw numbers. Nothing is executed.

``MODEL.ckpt`` stands for ``MODEL.ckpt.index`` and ``MODEL.ckpt.data-00000-of-00001`` (or more data files). The
index maps each variable's name to a small protocol buffer: type, shape, data file, offset, size, checksum.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass, field

import numpy as np

from ..utils.errors import UserError
from .sstable import BadTable, crc32c, read_table, read_varint

#: Larger index files are refused; that of a released training checkpoint has 80 kB.
MAX_INDEX_BYTES = 16 * 1024**2
#: DT_FLOAT in TensorFlow's types.proto: the only type this project reads.
FLOAT = 1


@dataclass(frozen=True)
class Entry:
    """Where one variable's numbers are.

    Attributes:
        dtype: number in TensorFlow's types.proto.
        shape: as stored.
        shard: number of the data file.
        offset, size: in that file, bytes.
        checksum: masked CRC32C of those bytes.
        partitioned: stored in slices, which the released checkpoints never are.
    """

    dtype: int = 0
    shape: tuple[int, ...] = ()
    shard: int = 0
    offset: int = 0
    size: int = 0
    checksum: int = 0
    partitioned: bool = False


@dataclass
class TensorFlowCheckpoint:
    """An opened checkpoint; see :func:`open_checkpoint`.

    Attributes:
        prefix: path without ``.index``.
        shards: number of data files.
        entries: from variable name to where it is.
    """

    prefix: str
    shards: int = 1
    entries: dict[str, Entry] = field(default_factory=dict)

    def read(self, name: str) -> np.ndarray:
        """Reads one float variable and verifies its checksum.

        Args:
            name: in ``entries``; check its shape first if its size matters.

        Returns:
            float32 array of the stored shape, writable.

        Raises:
            UserError: another type, or a data file that is missing, too short or damaged.
        """
        entry = self.entries[name]
        path = f"{self.prefix}.data-{entry.shard:05d}-of-{self.shards:05d}"
        if entry.dtype != FLOAT or entry.partitioned:
            raise UserError(f"{self.prefix}: variable {name} is no whole float32 array; give a released checkpoint")
        if entry.size != 4 * math.prod(entry.shape):
            raise UserError(f"{self.prefix}.index: size and shape of {name} disagree; the file is damaged")
        try:
            with open(path, "rb") as file:
                if entry.offset + entry.size > os.fstat(file.fileno()).st_size:
                    raise UserError(f"{path}: ends before {name}, so it is truncated; copy it again")
                file.seek(entry.offset)
                data = file.read(entry.size)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; it belongs beside {self.prefix}.index") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); check the file") from error
        if crc32c(data) != entry.checksum:
            raise UserError(f"{path}: the checksum of {name} is wrong, so the file is damaged; copy it again")
        return np.frombuffer(data, dtype="<f4").reshape(entry.shape).astype(np.float32)


def open_checkpoint(path: str | os.PathLike) -> TensorFlowCheckpoint:
    """Reads a checkpoint's index; the data files are not touched yet.

    Args:
        path: ``MODEL.ckpt``, or its ``.index`` file.

    Raises:
        UserError: no V2 checkpoint there, or a damaged index.
    """
    prefix = os.fspath(path).removesuffix(".index")
    index = f"{prefix}.index"
    try:
        if os.path.getsize(index) > MAX_INDEX_BYTES:
            raise UserError(f"{index}: larger than {MAX_INDEX_BYTES} bytes, so it is no checkpoint's index")
        with open(index, "rb") as file:
            data = file.read(MAX_INDEX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(
            f"{index}: no such file; give the name before .index and .data-00000-of-00001 (TensorFlow's V2 format)"
        ) from None
    except OSError as error:
        raise UserError(f"{index}: cannot be read ({error.strerror}); check the file") from error
    try:
        return _parse_index(prefix, data)
    except BadTable as error:
        raise UserError(f"{index}: {error}; give the index of a TensorFlow V2 checkpoint") from error


def _parse_index(prefix: str, data: bytes) -> TensorFlowCheckpoint:
    table = read_table(data)
    key, value = next(table, (None, b""))
    if key != b"":
        raise BadTable("has no checkpoint header")
    header = dict(_fields(value))
    if header.get(2, 0) != 0:
        raise BadTable("was written on a big-endian machine, which is not supported")
    checkpoint = TensorFlowCheckpoint(prefix, shards=_number(header.get(1, 1)))
    for key, value in table:
        try:
            name = key.decode("utf-8")
        except UnicodeDecodeError:
            raise BadTable("a variable's name is damaged") from None
        checkpoint.entries[name] = _parse_entry(value)
    return checkpoint


def _parse_entry(data: bytes) -> Entry:
    """BundleEntryProto of TensorFlow's tensor_bundle.proto."""
    fields = dict(_fields(data))
    shape = tuple(
        _number(dict(_fields(dimension)).get(1, 0))
        for number, dimension in _fields(_message(fields.get(2, b"")))
        if number == 2
    )
    return Entry(
        dtype=_number(fields.get(1, 0)),
        shape=shape,
        shard=_number(fields.get(3, 0)),
        offset=_number(fields.get(4, 0)),
        size=_number(fields.get(5, 0)),
        checksum=_number(fields.get(6, 0)),
        partitioned=7 in fields,
    )


def _fields(data: bytes):
    """Yields (number, value) of a protocol buffer's fields: int, or bytes for what has a length."""
    data, position = _message(data), 0
    while position < len(data):
        tag, position = read_varint(data, position)
        kind = tag & 7
        if kind == 0:
            value, position = read_varint(data, position)
        elif kind in (1, 5):
            width, layout = (8, "<Q") if kind == 1 else (4, "<I")
            if position + width > len(data):
                raise BadTable("an entry is damaged")
            (value,) = struct.unpack_from(layout, data, position)
            position += width
        elif kind == 2:
            length, position = read_varint(data, position)
            if position + length > len(data):
                raise BadTable("an entry is damaged")
            value = data[position : position + length]
            position += length
        else:
            raise BadTable("an entry is damaged")
        yield tag >> 3, value


def _message(value) -> bytes:
    if not isinstance(value, bytes):
        raise BadTable("an entry is damaged")
    return value


def _number(value) -> int:
    # A negative number would be a 64-bit varint: no size or count here reaches half of that.
    if not isinstance(value, int) or value >= 2**63:
        raise BadTable("an entry is damaged")
    return value
