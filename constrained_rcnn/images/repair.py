"""Files that are whole but that Pillow does not read: what it is handed instead.

Nothing is made up: no pixel changes, and a file of which a part of the image is missing stays damaged.
"""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image

from .jpeg_structure import JpegStructure
from .structure import PNG_SIGNATURE, png_chunks

#: Most bytes that one text, or a profile, of a PNG may unpack to before Pillow refuses it, and of all that we unpack.
_TEXT, _ALL_TEXTS = 1 << 20, 1 << 24
_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
#: Chunks that are not critical and yet change pixels, or which of them are read.
_NEEDED = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|>)[0-9]")
#: What stands in for the data that a JPEG without end marker may lack; where it is whole, they make no difference.
_FILLINGS = (b"", b"\x55" * 512, b"\xaa" * 512, b"\x2d\x93\x6c" * 170)
_END = b"\xff\xd9"
#: Bytes alike at the end of a JPEG that fill a gap.
_FILLED = 16
#: Most pixels times scans of a JPEG that is decoded again and again.
_MOST_WORK = 1 << 30
#: Rows of an image that are compared at a time.
_ROWS = 256


def lean_png(file: BinaryIO) -> BinaryIO | None:
    """The same image without its texts and profile, where those are more than Pillow takes, or metadata of which the
    checksum is wrong; else None.

    An orientation that stands in XMP is kept. A copy of the file in memory, of what is left of it.
    """
    damaged = _damaged_metadata(file)
    if not damaged and not _has_much_text(file):
        return None
    chunks, turned = [], b""
    for kind, length in png_chunks(file):
        if file.tell() in damaged:
            continue
        if kind in _TEXTS:
            turned = turned or _orientation_in(kind, file.read(min(length, _ALL_TEXTS)))
            continue
        file.seek(-8, io.SEEK_CUR)
        chunks.append(file.read(length + 12))
    end = file.tell()  # behind the name of the end
    file.seek(end - 8)
    first, others = chunks[:1], chunks[1:]
    return io.BytesIO(b"".join([PNG_SIGNATURE, *first, turned, *others, file.read(12)]))


def _damaged_metadata(file: BinaryIO) -> set[int]:
    """Where the data of chunks begins that no pixel depends on and whose checksum is wrong."""
    damaged = set()
    for kind, length in png_chunks(file):
        if kind[0] & 0x20 and kind not in _NEEDED and length <= _ALL_TEXTS:  # in lower case: not critical
            begin, data = file.tell(), file.read(length + 4)
            if len(data) == length + 4 and zlib.crc32(kind + data[:-4]).to_bytes(4, "big") != data[-4:]:
                damaged.add(begin)
    return damaged


def _has_much_text(file: BinaryIO) -> bool:
    total = 0
    for kind, length in png_chunks(file):
        if kind == b"tEXt":
            total += length
        elif kind in _TEXTS:
            size = len(_unpacked(kind, file.read(min(length, _ALL_TEXTS)), _TEXT + 1))
            total += size
            if size > _TEXT:
                return True
        if total > _ALL_TEXTS:
            return True
    return False


def _unpacked(kind: bytes, data: bytes, limit: int) -> bytes:
    """The text or profile of a chunk, its first ``limit`` bytes where it is packed."""
    _, _, content = data.partition(b"\0")
    packed = content[1:]
    if kind == b"iTXt":
        is_packed, content = content[:1] != b"\0", content[2:]
        packed = content.partition(b"\0")[2].partition(b"\0")[2]
        if not is_packed:
            return b""  # Pillow's limit is for what it unpacks
    try:
        return zlib.decompressobj().decompress(packed, limit)
    except zlib.error:
        return b""


def _orientation_in(kind: bytes, data: bytes) -> bytes:
    """A chunk of XMP that holds the orientation alone, if this one has it."""
    name = b"XML:com.adobe.xmp"
    if kind != b"iTXt" or not data.startswith(name + b"\0"):
        return b""
    orientation = _XMP_ORIENTATION.search(_unpacked(kind, data, _ALL_TEXTS) or data)
    if not orientation:
        return b""
    body = b"iTXt" + name + bytes(5) + orientation[0]
    return (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def ended_jpeg(data: bytes, structure: JpegStructure) -> BinaryIO | None:
    """A JPEG that lacks its end marker and nothing else, with one; None where more is missing.

    Then whatever follows its data changes no pixel, but does so as soon as the last bytes are taken away. Costs a
    decoding for each try, one at a time.

    Args:
        data: of which the scans code everything; half of the marker, or zeros in its place, may stand at the end.
        structure: its own.
    """
    if structure.work > _MOST_WORK:
        return None
    for candidate in dict.fromkeys((data.removesuffix(b"\xff"), data.rstrip(b"\0"))):
        if _is_whole(candidate, structure.last_scan):
            return io.BytesIO(candidate + _END)
    return None


def _is_whole(data: bytes, last_scan: int) -> bool:
    if data[-_FILLED:] in (bytes(_FILLED), b"\xff" * _FILLED):
        return False  # put in place of what is missing
    if not _are_alike(data):
        return False
    # So much of something else cannot stand in a scan as short as those of flat areas.
    return len(data) - last_scan < _FILLED or not _are_alike(data[:-2])


def _are_alike(data: bytes) -> bool:
    """Whether it makes no difference what follows."""
    first = _digest(data + _FILLINGS[0] + _END)
    return all(_digest(data + filling + _END) == first for filling in _FILLINGS[1:])


def _digest(data: bytes) -> bytes:
    digest = hashlib.sha256()
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        image.load()
        for top in range(0, image.height, _ROWS):
            box = (0, top, image.width, min(image.height, top + _ROWS))
            digest.update(np.ascontiguousarray(image.crop(box)).data)
    return digest.digest()
