"""Segments: files of an index that hold the descriptors of some thousand images, and are never changed.

A segment is one Faiss index. Each descriptor's 64-bit number says whose it is and where: image, x, y.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...utils.errors import UserError
from ...utils.files import atomic_file, printable
from . import codebook

#: Descriptors of a segment as it is first written, which a kill can lose, and how many such are then made one: what is
#: held in memory, 24 bytes each.
PART_ROWS, PARTS_MERGED = 500_000, 8
#: Bytes of a descriptor in a file: code and number.
ROW_BYTES = codebook.CODE_BYTES + 8
#: Steps of a position in a pixel.
_STEPS = 32


class SegmentRecord(NamedTuple):
    """What the manifest says of a segment.

    Attributes:
        id: its number, which names its file.
        images, rows: how many images' descriptors it holds, and how many of these.
        size: of the file, bytes.
        head_sha256, sha256: of what stands before the descriptors, and of the whole file.
    """

    id: int
    images: int
    rows: int
    size: int
    head_sha256: str
    sha256: str

    @property
    def file(self) -> str:
        return f"segment-{self.id:06d}.faiss"


def numbered(image: int, points: np.ndarray) -> np.ndarray:
    """(N,) int64: the numbers of an image's descriptors.

    Args:
        image: 0 to 2**31 - 1.
        points: (N, 2) float32, XY, pixels of an image of at most 2,000 a side.
    """
    x, y = np.rint(points * _STEPS).clip(0, 0xFFFF).astype(np.int64).T
    return (image << 32) + (x << 16) + y


def places(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reverse: images (N,) int64 and points (N, 2) float32."""
    points = np.stack([numbers >> 16 & 0xFFFF, numbers & 0xFFFF], axis=-1)
    return numbers >> 32, points.astype(np.float32) / _STEPS


def add(index: Any, image: int, points: np.ndarray, descriptors: np.ndarray) -> None:
    """Adds an image's descriptors, (N, 128) float32, to a Faiss index in memory."""
    index.add_with_ids(np.ascontiguousarray(descriptors), numbered(image, points))


def save(index: Any, folder: Path, number: int, images: int) -> SegmentRecord:
    """Writes a segment; its file is there when it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    record = SegmentRecord(number, images, index.ntotal, 0, "", "")
    path = folder / record.file
    digest, size = hashlib.sha256(), 0
    with atomic_file(path) as file:

        def write(data: bytes) -> int:
            nonlocal size
            digest.update(data)
            size += len(data)
            return file.write(data)

        library = codebook.faiss()
        library.write_index(index, library.BufferedIOWriter(library.PyCallbackIOWriter(write)))
        file.flush()
        os.fsync(file.fileno())  # the manifest, which is written next, must not be there before it
    return record._replace(size=size, head_sha256=_head_sha256(path, size, index.ntotal), sha256=digest.hexdigest())


def opened(folder: Path, record: SegmentRecord) -> Any:
    """A segment's Faiss index; its descriptors stay on disk and are mapped into memory.

    Raises:
        UserError: the file is missing or damaged. Damage among the descriptors is not looked for: it can cost results,
            no more; :func:`check` finds it.
    """
    path = folder / record.file
    try:
        if path.stat().st_size == record.size and _head_sha256(path, record.size, record.rows) == record.head_sha256:
            library = codebook.faiss()
            return library.read_index(os.fspath(path), library.IO_FLAG_MMAP)
        why = "is damaged"
    except FileNotFoundError:
        why = "is missing"
    except (OSError, RuntimeError):
        why = "cannot be read"
    raise damaged(path, why)


def check(folder: Path, record: SegmentRecord) -> bool:
    """Whether a segment's file is as it was written, to the last byte."""
    digest = hashlib.sha256()
    try:
        with open(folder / record.file, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == record.sha256


def merged(folder: Path, records: list[SegmentRecord]) -> Any:
    """One Faiss index in memory of what several segments hold.

    Raises:
        UserError: one of them is missing or damaged.
    """
    result = codebook.empty()
    for record in records:
        if not check(folder, record):
            raise damaged(folder / record.file, "is damaged or missing")
        part = codebook.faiss().read_index(os.fspath(folder / record.file))
        result.merge_from(part, 0)
    return result


def to_merge(records: list[SegmentRecord]) -> list[SegmentRecord]:
    """Small segments, oldest first, that are to be made one, as each costs every query time; empty: too few yet."""
    small = [record for record in records if record.rows < 2 * PART_ROWS]
    return small[:PARTS_MERGED] if len(small) >= PARTS_MERGED else []


def damaged(path: Path, why: str) -> UserError:
    """The line about a segment that cannot be used."""
    return UserError(f"{printable(path)}: {why}; `constrained-rcnn index check --forget` takes its images out of the "
                     "index, `index add` then reads them again")  # fmt: skip


def _head_sha256(path: Path, size: int, rows: int) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(max(0, size - rows * ROW_BYTES))).hexdigest()
