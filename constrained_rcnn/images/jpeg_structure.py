"""What a JPEG is made of: its segments, and whether all of its coefficients are coded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .limits import MAX_SCANS, Refused, check_exif, check_parts

#: What ends a JPEG's coded pixels: neither a stuffed 0xFF nor a restart.
_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_END, _SCAN, _EXIF = 0xD9, 0xDA, 0xE1
#: Beginnings of the frame: Huffman-coded baseline, extended, progressive and lossless, then coded arithmetically.
_FRAMES_READ = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA)
_FRAMES = (*_FRAMES_READ, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7)
#: Bytes of a segment that are looked at: all that the header of a frame or scan of four components has.
_LOOK = 20


@dataclass(frozen=True)
class JpegStructure:
    """What its segments tell.

    Attributes:
        ends: there is an end marker.
        coded: the scans code every bit of every coefficient.
        last_scan: where the data of the last scan begins.
        work: pixels times scans.
    """

    ends: bool
    coded: bool
    last_scan: int
    work: int


def check_jpeg(file: BinaryIO, start: int = 0) -> JpegStructure:
    """Passes a JPEG whose scans, segments and EXIF are not too many.

    Args:
        file: read from wherever; its position is lost.
        start: where the JPEG begins.

    Raises:
        Refused: beyond a limit; 12 bits and other kinds that are not read.
    """
    scans = exif = 0
    uncoded: dict[int, list[int]] = {}  # component -> bits of each coefficient that no scan has coded yet
    ends, last_scan, pixels = False, 0, 0
    for count, (kind, length, begin, behind) in enumerate(segments(file, start), 1):
        check_parts(count)
        if kind == _END:
            ends = True
        elif kind in _FRAMES:
            _check_frame(kind, begin)
            pixels = int.from_bytes(begin[3:5], "big") * int.from_bytes(begin[5:7], "big")
            uncoded = {component: [99] * 64 for component in begin[8 : 8 + 3 * (begin[7:8] or b"\0")[0] : 3]}
        elif kind == _SCAN:
            scans, last_scan = scans + 1, behind
            if scans > MAX_SCANS:
                raise Refused(f"more than {MAX_SCANS} scans in one JPEG: made to cost time; save it anew")
            _strike_out(uncoded, begin)
        elif kind == _EXIF and begin[2:8] == b"Exif\0\0":  # Pillow joins them all
            exif += length
            check_exif(exif)
    return JpegStructure(ends, bool(uncoded) and not any(map(any, uncoded.values())), last_scan, pixels * scans)


def _check_frame(kind: int, begin: bytes) -> None:
    bits = begin[2] if len(begin) > 2 else 8
    if kind not in _FRAMES_READ:
        name = "JPEG-LS" if kind == 0xF7 else "differential, or arithmetically coded without loss"
        raise Refused(f"a JPEG of a kind that is not read ({name}); save it as PNG or TIFF")
    if bits != 8:
        raise Refused(f"a JPEG of {bits} bits per sample, a kind that is not read; save it with 8 bits, or as TIFF")


def _strike_out(uncoded: dict[int, list[int]], begin: bytes) -> None:
    """Notes what a scan codes. ``begin``: its header, from the length on."""
    count = begin[2] if len(begin) > 2 else 0
    if count > 4 or len(begin) < 6 + 2 * count:
        return
    first, last, approximation = begin[3 + 2 * count : 6 + 2 * count]
    for component in begin[3 : 3 + 2 * count : 2]:
        if component in uncoded:
            for coefficient in range(first, min(last, 63) + 1):
                uncoded[component][coefficient] = approximation & 15


def segments(file: BinaryIO, start: int) -> Iterator[tuple[int, int, bytes, int]]:
    """(second byte of the marker, length, first bytes from the length on, position behind) of a JPEG's segments, its
    end included, restarts left out."""
    position, size = start + 2, 1 << 12  # after the start of the image
    while True:
        file.seek(position)
        block = file.read(size)
        marker = _MARKER.search(block)
        if marker is None:
            if len(block) < 2:
                return
            position, size = position + len(block) - 1, 1 << 16  # the last byte may begin a marker
            continue
        kind = block[marker.end() - 1]
        position, size = position + marker.end(), 1 << 12
        length, begin = 0, b""
        if kind not in (0x01, 0xD8, _END):  # these have no length
            file.seek(position)
            begin = file.read(_LOOK)
            length = int.from_bytes(begin[:2], "big")
        position += length
        yield kind, length, begin, position
        if kind == _END:
            return
