"""Facts of an image's file that say nothing of its content: format, size and the camera that it names.

Where and when a photo was taken stays in the file: neither is read here.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass

from PIL import ExifTags, Image

from ..utils.errors import UserError
from .opening import opened

#: Longest name of a maker or a model, in characters; EXIF sets no bound.
MAX_NAME = 64


@dataclass(frozen=True)
class FileFacts:
    """What a file says about itself. Anybody can write anything there: a name is no proof of a camera.

    Attributes:
        format: by Pillow's names; "" where the file cannot be opened.
        bytes: size of the file.
        make, model: of the camera, from EXIF: printable text of at most ``MAX_NAME`` characters, "" where none is.
    """

    format: str
    bytes: int
    make: str = ""
    model: str = ""

    def to_json(self) -> dict:
        """JSON-ready: ``format``, ``bytes``, and ``camera`` with ``make`` and ``model``, or None."""
        camera = {"make": self.make, "model": self.model} if self.make or self.model else None
        return {"format": self.format, "bytes": self.bytes, "camera": camera}


def read_facts(data: bytes, page: int | None = None) -> FileFacts:
    """The facts of a file. Raises nothing: what cannot be read is empty.

    Args:
        data: content of a file whose pixels were read, and so its size checked, before; they are not decoded again.
        page: see :func:`.reading.load_image`.
    """
    try:
        with opened(data, sys.maxsize, None, page=page, decode=False) as file:
            make, model = _camera(file.image)
            return FileFacts(file.format, len(data), make, model)
    except UserError:
        return FileFacts("", len(data))


def camera_name(camera: dict | None) -> str:
    """ "Canon EOS 5D", from ``FileFacts.to_json()["camera"]``; the maker is not named twice."""
    make, model = (str(camera[key]) for key in ("make", "model")) if camera else ("", "")
    return model if model.casefold().startswith(make.casefold()) else f"{make} {model}".strip()


def _camera(image: Image.Image) -> tuple[str, str]:
    try:
        # Of a PNG the base class reads what stands before the pixels; Pillow's own method decodes all of them.
        exif = Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
        return _clean(exif.get(ExifTags.Base.Make)), _clean(exif.get(ExifTags.Base.Model))
    except Exception:  # a broken EXIF block hides the camera, not the result
        return "", ""


def _clean(value: object) -> str:
    """Text of a tag without controls and what turns the direction of writing, on one line, bounded."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    value = value.partition("\0")[0][: 16 * MAX_NAME]  # the tag's end; some cameras leave rubbish behind it
    # A line break separates words; other controls, and format characters, vanish.
    shown = "".join(" " if c.isspace() else c for c in value if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(shown.split())[:MAX_NAME].strip()
