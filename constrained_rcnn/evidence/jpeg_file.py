"""What a JPEG's segments tell beyond the pixels: how its colours are sampled, how often it begins, what follows it."""

from __future__ import annotations

import io
from dataclasses import dataclass

from ..images.jpeg_structure import segments
from ..images.limits import check_parts

#: Most images that are counted in one file.
_MOST_IMAGES = 32
_PROGRESSIVE = (0xC2, 0xCA)
_FRAMES = (0xC0, 0xC1, *_PROGRESSIVE, 0xC9)


@dataclass(frozen=True)
class JpegFile:
    """
    Attributes:
        progressive: coded in several scans of growing precision.
        subsampling: of chroma, "4:4:4", "4:2:0", ...; "grey" of one component; other factors as they are.
        images: JPEGs one after another in the file.
        trailing: bytes behind the last of them.
        trailing_kind: what these are: "", "zeros", "video", "archive", "other".
    """

    progressive: bool
    subsampling: str
    images: int
    trailing: int
    trailing_kind: str


def jpeg_file(data: bytes) -> JpegFile:
    """Args: data: a JPEG that can be read. Raises: Refused: more segments than any program writes."""
    end, frame, kind = _one(data, 0)
    images = 1
    while images < _MOST_IMAGES:
        start = _begins_again(data, end)
        if start is None:
            break
        images, (end, _, _) = images + 1, _one(data, start)
    rest = memoryview(data)[end:]
    return JpegFile(kind in _PROGRESSIVE, _subsampling(frame), images, len(rest), _kind(rest))


def _one(data: bytes, start: int) -> tuple[int, bytes, int]:
    """(position behind a JPEG, first bytes of its frame's header, second byte of that marker)."""
    frame, frame_kind, position = b"", 0, start
    for count, (kind, _, begin, after) in enumerate(segments(io.BytesIO(data), start), 1):
        check_parts(count)
        position = after
        if kind in _FRAMES and not frame:
            frame, frame_kind = begin, kind
    return min(max(position, start + 2), len(data)), frame, frame_kind


def _begins_again(data: bytes, end: int) -> int | None:
    """Where another JPEG begins behind the end of one, zeros in between left out."""
    window = data[end : end + (1 << 16)]
    start = len(window) - len(window.lstrip(b"\0"))
    return end + start if window[start : start + 3] == b"\xff\xd8\xff" else None


def _subsampling(frame: bytes) -> str:
    count = frame[7] if len(frame) > 7 else 0
    factors = [(byte >> 4, byte & 15) for byte in frame[9 : 8 + 3 * count : 3]]
    if len(factors) == 1:
        return "grey"
    if len(factors) != 3 or factors[1:] != [(1, 1), (1, 1)]:
        return " ".join(f"{across}x{down}" for across, down in factors) or "not told"
    names = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1", (4, 2): "4:1:0"}
    return names.get(factors[0], f"{factors[0][0]}x{factors[0][1]}")


def _kind(rest: memoryview) -> str:
    head = bytes(rest[:4096])
    if not head:
        return ""
    if not head.strip(b"\0"):
        return "zeros"
    if head[4:8] == b"ftyp":
        return "video"
    return "archive" if head[:4] in (b"PK\3\4", b"Rar!", b"7z\xbc\xaf") else "other"
