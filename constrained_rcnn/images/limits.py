"""How many parts a file may have before it counts as made to cost time; what cameras and programs write stays below."""

from __future__ import annotations

#: Most scans of a JPEG; progressive ones have about ten, and each costs a pass over the whole image.
MAX_SCANS = 100
#: Most segments of a JPEG, chunks of a PNG (at the usual 8 KiB a chunk, that many hold 800 MiB), boxes of a JPEG 2000,
#: strips or tiles of a TIFF, and numbers that one of its tags may hold.
MAX_PARTS = 100_000
#: Most blocks of at most 255 bytes up to a GIF's wanted frame.
MAX_GIF_BLOCKS = 1_000_000
#: Pages or frames that are counted.
MAX_PAGES = 10_000
#: Most bytes of EXIF; a JPEG's segment holds a sixteenth of that.
MAX_EXIF = 1 << 20
#: Largest BMP with run lengths, in pixels and in bytes: Pillow decodes those in Python.
MAX_RLE_PIXELS = 1 << 24
MAX_RLE_BYTES = 1 << 25


class Refused(Exception):
    """An image that could be decoded but is not; the message lacks only the file's name."""


def check_parts(count: int, limit: int = MAX_PARTS) -> None:
    """Raises Refused for more than ``limit`` parts."""
    if count > limit:
        raise Refused(f"more than {limit} parts in one file: made to cost time; save it anew")


def check_exif(size: int) -> None:
    """Raises Refused for more than ``MAX_EXIF`` bytes of EXIF."""
    if size > MAX_EXIF:
        raise Refused(f"more than {MAX_EXIF >> 20} MiB of EXIF: made to cost time; save it anew")
