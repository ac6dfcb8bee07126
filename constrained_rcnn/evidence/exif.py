"""EXIF by Pillow's own reader: what witnesses look at, as plain data, and the embedded thumbnail.

Why Pillow's: it is needed anyway, reads the same bytes as the pixels' reader, never runs another program, and what it
is given is bounded before (see :mod:`constrained_rcnn.images.limits`). It leaves maker notes as they are; see
:mod:`.maker_notes`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image

from ..images.decoder_messages import quiet
from .maker_notes import MakerNotes, read_maker_notes

#: Longest text that is kept.
_LONGEST = 300
_MAIN = {
    "make": ExifTags.Base.Make, "model": ExifTags.Base.Model, "software": ExifTags.Base.Software,
    "modified": ExifTags.Base.DateTime, "artist": ExifTags.Base.Artist, "width": ExifTags.Base.ImageWidth,
    "height": ExifTags.Base.ImageLength, "description": ExifTags.Base.ImageDescription,
}  # fmt: skip
_DETAILS = {
    "taken": ExifTags.Base.DateTimeOriginal, "digitized": ExifTags.Base.DateTimeDigitized,
    "exif_width": ExifTags.Base.ExifImageWidth, "exif_height": ExifTags.Base.ExifImageHeight,
    "lens": ExifTags.Base.LensModel, "serial": ExifTags.Base.BodySerialNumber,
    "exposure_seconds": ExifTags.Base.ExposureTime, "f_number": ExifTags.Base.FNumber,
    "iso": ExifTags.Base.ISOSpeedRatings, "lens_serial": ExifTags.Base.LensSerialNumber,
}  # fmt: skip
#: Most pixels of a thumbnail that are decoded.
_MOST_PIXELS = 1 << 20


@dataclass
class Exif:
    """
    Attributes:
        values: plain names -> texts and numbers; those that are not there are left out.
        position: GPS (latitude, longitude) in degrees; None: not told.
        thumbnail: (h, w, 3) uint8 BGR, as stored; None: there is none, or it cannot be read.
        gps_date: the day by GPS, as EXIF writes days; "": not told.
        maker_notes: the maker's own notes.
        problem: what could not be read, in words; "".
    """

    values: dict[str, Any] = field(default_factory=dict)
    position: tuple[float, float] | None = None
    thumbnail: np.ndarray | None = None
    gps_date: str = ""
    maker_notes: MakerNotes = field(default_factory=MakerNotes)
    problem: str = ""


def read_exif(data: bytes) -> Exif:
    """Args: data: the block with or without its ``Exif`` head. Never raises for bad content."""
    found = Exif()
    if not data:
        return found
    exif = Image.Exif()
    with quiet():
        try:
            exif.load(data)
            _take(exif, _MAIN, found.values)
            _take(exif.get_ifd(ExifTags.IFD.Exif), _DETAILS, found.values)
        except Exception as error:  # whatever a broken block raises
            found.problem = f"EXIF cannot be read to its end: {type(error).__name__}"
        for read in (_position, _thumbnail, _notes):
            try:
                read(exif, data, found)
            except Exception as error:
                found.problem = found.problem or f"a part of EXIF cannot be read: {type(error).__name__}"
    return found


def _take(tags, names, values: dict[str, Any]) -> None:
    for name, tag in names.items():
        value = tags.get(int(tag))
        if isinstance(value, tuple):
            value = value[0] if value else None
        if isinstance(value, bytes):
            value = value[:_LONGEST].decode("utf-8", "replace")
        if isinstance(value, str):
            value = value.strip("\0 \t\r\n")[:_LONGEST]
        elif value is not None:
            value = float(value)
            value = (int(value) if value.is_integer() else value) if np.isfinite(value) else None
        if value not in (None, ""):
            values[name] = value


def _position(exif: Image.Exif, data: bytes, found: Exif) -> None:
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    found.gps_date = str(gps.get(int(ExifTags.GPS.GPSDateStamp), "")).strip("\0 ")[:_LONGEST]
    degrees = []
    for value, reference in ((2, 1), (4, 3)):
        if value not in gps:
            return
        parts = [float(part) for part in gps[value]][:3]
        angle = sum(part / 60**power for power, part in enumerate(parts))
        degrees.append(-angle if str(gps.get(reference, "")).strip("\0 ").upper() in ("S", "W") else angle)
    if np.isfinite(degrees).all() and abs(degrees[0]) <= 90 and abs(degrees[1]) <= 180:
        found.position = round(degrees[0], 6), round(degrees[1], 6)


def _thumbnail(exif: Image.Exif, data: bytes, found: Exif) -> None:
    small = exif.get_ifd(ExifTags.IFD.IFD1)
    offset, length = (small.get(int(tag)) for tag in (0x0201, 0x0202))
    if not isinstance(offset, int) or not isinstance(length, int) or length <= 0:
        return
    body = data.removeprefix(b"Exif\0\0")
    content = body[offset : offset + length]
    with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
        if image.width * image.height <= _MOST_PIXELS:
            found.thumbnail = cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)


def _notes(exif: Image.Exif, data: bytes, found: Exif) -> None:
    note = exif.get_ifd(ExifTags.IFD.Exif).get(int(ExifTags.Base.MakerNote))
    if isinstance(note, bytes):
        found.maker_notes = read_maker_notes(note, data)
