"""Makers' own notes in EXIF: whose they are, told from their first bytes, and by exifread what they say of the camera.

Why exifread: it is pure Python, so that its one wheel installs everywhere, and it knows the notes of Canon, Nikon,
Olympus, Fujifilm, Sony, Apple, Casio and DJI; Pillow reads none of them, and piexif keeps their bytes unread. It is an
extra, because what a note adds is seldom more than a serial number. It is given the EXIF block alone, no larger than a
JPEG's segment holds, and a bounded number of reads, so that a made file cannot cost time.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field

try:  # the extra "makernotes"
    import exifread
except ImportError:
    exifread = None

from ..utils.files import printable

#: First bytes of notes -> whose they are, and what EXIF then names as the make; rebadged cameras keep their builder's.
_SIGNATURES: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"Nikon\0", "Nikon", ("nikon",)),
    (b"OLYMP", "Olympus", ("olympus", "om digital", "epson", "konica", "minolta", "sanyo")),
    (b"OM SYSTEM", "OM System", ("om digital", "olympus")),
    (b"FUJIFILM", "Fujifilm", ("fuji", "leica")),
    (b"SONY", "Sony", ("sony", "hasselblad")),
    (b"Panasonic\0", "Panasonic", ("panasonic", "leica")),
    (b"LEICA", "Leica", ("leica",)),
    (b"Apple iOS\0", "Apple", ("apple",)),
    (b"QVC\0", "Casio", ("casio",)),
    (b"PENTAX", "Pentax", ("pentax", "asahi", "ricoh", "samsung")),
    (b"AOC\0", "Pentax", ("pentax", "asahi", "ricoh", "samsung")),
    (b"SIGMA\0", "Sigma", ("sigma",)),
    (b"FOVEON\0", "Sigma", ("sigma",)),
)
#: Largest block that is given to the library, bytes, and how often it may read from it.
MAX_BYTES, MAX_READS = 1 << 16, 20_000
#: Most values that are kept, and their longest text.
_MOST, _LONGEST = 40, 100
#: What of a note is looked at: ends of exifread's names, in small letters without spaces, -> our name.
_KEPT = {
    "imagetype": "model", "cameramodel": "model", "model": "model", "serialnumber": "serial",
    "internalserialnumber": "internal_serial", "firmwareversion": "firmware", "ownername": "owner",
    "imagenumber": "image_number", "totalshutterreleases": "shutter_releases", "contentidentifier": "content",
    "lensmodel": "lens", "lenstype": "lens", "quality": "quality", "imagequality": "quality",
}  # fmt: skip


@dataclass
class MakerNotes:
    """
    Attributes:
        maker: whose they are by their first bytes; "": not told (Canon's tell nothing).
        makes: what EXIF may name as the make with such notes, in small letters.
        values: plain names -> texts that the library read.
        problem: why the library did not read them, or not all; "".
        library: name and version of what read them; "": nothing did.
    """

    maker: str = ""
    makes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    library: str = ""


def read_maker_notes(note: bytes, block: bytes) -> MakerNotes:
    """Never raises for bad content.

    Args:
        note: the notes as they stand in EXIF.
        block: the whole of EXIF, with or without its ``Exif`` head; notes point into it.
    """
    found = MakerNotes()
    for signature, maker, makes in _SIGNATURES:
        if note.startswith(signature):
            found.maker, found.makes = maker, makes
    if not note:
        return found
    if exifread is None:
        found.problem = "exifread is not installed: pip install 'constrained_rcnn[makernotes]'"
        return found
    body = block.removeprefix(b"Exif\0\0")
    if len(body) > MAX_BYTES:
        found.problem = f"EXIF of more than {MAX_BYTES >> 10} KiB: its maker notes were passed over"
        return found
    found.library = f"exifread {exifread.__version__}"
    logging.getLogger("exifread").setLevel(logging.CRITICAL)
    try:
        tags = exifread.process_file(_Bounded(body), details=True, extract_thumbnail=False)
    except _TooManyReads:
        found.problem = "maker notes that take too long to read were passed over"
    except Exception as error:  # whatever broken notes raise
        found.problem = f"maker notes cannot be read to their end: {type(error).__name__}"
    else:
        _keep(tags, found)
    return found


def _keep(tags, found: MakerNotes) -> None:
    for key, value in list(tags.items())[:2_000]:
        group, _, name = str(key).partition(" ")
        label = _KEPT.get(name.replace(" ", "").lower()) if group == "MakerNote" else None
        text = printable(" ".join(str(value).strip("\0 ").split())[:_LONGEST])
        if label and text and len(found.values) < _MOST:
            found.values.setdefault(label, text)


class _TooManyReads(Exception):
    pass


class _Bounded(io.BytesIO):
    """Bytes that can be read a limited number of times."""

    left = MAX_READS

    def read(self, size=-1):
        self.left -= 1
        if self.left < 0:
            raise _TooManyReads
        return super().read(size)
