"""Reading images and masks from whoever sends them: lossless, bounded, upright, and by ONE decoder.

Everything is decoded by Pillow. Pillow and OpenCV link different builds of libjpeg, whose pixels differ by a
grey level here and there; for a detector of compression and resampling traces that is another camera.
Detectron2 reads through Pillow too, so training, evaluation and prediction see the same numbers. OpenCV
decodes nothing here.

What a file of an unusual kind becomes, the same rule everywhere:

- EXIF (or XMP, or TIFF) orientation is applied, so that the rows are those a viewer shows (of HEIF the turns that it
  names itself, and no other, as its standard says);
- several pages or frames: the one that is asked for, else the first (of HEIF the primary one); smaller copies and masks
  in a TIFF are no pages;
- 16 bits per channel: the high byte (Pillow does the same for colour by itself), unless no value needs more than 8, 10,
  12 or 14 bits: these are scaled (not in masks); 32-bit integers count as 16-bit if they fit; floating point has no
  defined white and is refused;
- palette: its colours; alpha: dropped, colours as stored and not blended; grey: repeated over three channels;
- CMYK and YCCK: Pillow's plain conversion, as Detectron2's reader does; colour profiles are named, not applied;
- raw files, and TIFFs that begin with a reduced image, are refused: what a reader finds first is a thumbnail;
- whole files that Pillow refuses are handed to it in another form: see ``repair``, ``bigtiff``, ``bmp_fields``.

``load_image`` says what of this was done (``reading``).

And of a hostile kind:

- only the formats of ``FORMATS`` are opened, by their content and whatever the name says: no PostScript (which
  Pillow hands to Ghostscript), no document or scientific format. A polyglot is the image that it begins as, and
  what follows the image's end (the video of a phone's moving photo, say) is not looked at;
- more than ``max_pixels`` pixels or ``MAX_BYTES`` bytes: refused before decoding; so are files whose structure costs
  more time than an image can: a JPEG of more than ``MAX_SCANS`` scans, more than ``MAX_PARTS`` segments or chunks,
  a PNM of text or with a header of more than 4 KiB;
- EXIF that cannot be read counts as none, so do texts and profile of a PNG where they unpack to more than 1 MiB each;
  anything that ends early is damage, and damage is a ``UserError``: no half image is ever read. Bit errors that a
  decoder passes over (JPEG, fax), and tiles that are missing from a whole JPEG 2000, cannot be told from pixels;
- a named pipe, a socket, a device: refused, not waited for. A link is the file it leads to;
- messages stay on one line whatever a file is called: see ``files.printable``.

Memory in bytes per pixel, beyond the file itself and some 20 MB: 7 (Pillow's four, our three), turned upright or
not; 11 for a TIFF whose tag turns it; 10 for a progressive JPEG. Decoders that make copies of their own need more:
AVIF 10, WebP 16, JPEG 2000 18, HEIF 26; colours of fewer bits stored in 16 need 4 more. A copy of the file is made of a
JPEG without end marker, a PNG with much text, and a big-endian BigTIFF.

No setting of Pillow or of ``warnings`` is changed for longer than a file is open: Pillow's warnings, of images that
are large but within our limit and of odd metadata, and libtiff's own messages are silenced while any thread reads.

Detectron2's own ``read_image`` gives the same array but for two kinds: it turns oriented TIFF files twice
(Pillow has turned them already) and clips 16-bit grey at 255, nearly all white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..utils.errors import UserError
from .depth import is_deep
from .opening import FORMATS, Source, name_of, opened
from .pixels import SIDEWAYS, UPRIGHT, orientation_of, pixels_of
from .reading_notes import Reading

__all__ = [
    "FORMATS", "MAX_PIXELS", "UPRIGHT", "Header", "LoadedImage", "Source", "check_image", "load_image", "read_grey",
    "read_header", "read_image", "read_mask", "read_size",
]  # fmt: skip

#: Largest image that is decoded, in pixels: 2^27, for cameras of 100 megapixels (384 MiB of RGB).
MAX_PIXELS = 134_217_728


@dataclass(frozen=True)
class Header:
    """What a file says about itself before its pixels are decoded.

    Attributes:
        height, width: pixels, after orientation.
        orientation: EXIF value 1..8; 1 where there is none or an invalid one.
        mode: Pillow's mode as stored, for instance ``RGB``, ``L``, ``P``, ``CMYK``, ``I;16``.
        deep: more than 8 bits per channel are stored.
        page, pages: which page or frame is read, from 1, and how many there are.
    """

    height: int
    width: int
    orientation: int
    mode: str
    deep: bool
    page: int = 1
    pages: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def several(self) -> bool:
        """There are more pages or frames than the one that is read."""
        return self.pages > 1


class LoadedImage(NamedTuple):
    """``pixels``: (H, W, 3) uint8; ``reading``: what was done to the file's content on the way."""

    pixels: np.ndarray
    reading: Reading


def check_image(image: np.ndarray) -> np.ndarray:
    """The array itself.

    Args:
        image: (H, W, 3) uint8, in whatever order of channels.

    Raises:
        ValueError: anything else, or an empty one.
    """
    shape, dtype = getattr(image, "shape", type(image).__name__), getattr(image, "dtype", "")
    if not isinstance(image, np.ndarray) or image.ndim != 3 or shape[2] != 3 or dtype != np.uint8 or 0 in shape:
        raise ValueError(f"image must be (H, W, 3) uint8 in BGR order, not {shape} {dtype}".rstrip())
    return image


def load_image(
    path: Source, format: str = "BGR", *, page: int | None = None, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> LoadedImage:
    """Reads an image, upright, and says what that changed.

    Args:
        path: a file, bytes or an open binary file (read from its start, not closed) of one of ``FORMATS``, or an
            image that Pillow has opened or made.
        format: ``"BGR"`` (Detectron2's default order) or ``"RGB"``.
        page: page or frame, from 1; None: the first, of HEIF the primary one. Ignored for Pillow's images.
        max_pixels: refuse larger images before decoding them. Above 178,956,970 Pillow's own bound
            (``PIL.Image.MAX_IMAGE_PIXELS``) has to be raised as well.
        name: what messages call the image; None: its path, or "image" where it has none.

    Returns:
        (H, W, 3) uint8 array, 0..255, C-contiguous, writable, kinds as in the module's list; and the reading.

    Raises:
        UserError: no such file or page, no image, truncated, too large, raw, floating point.
        ValueError: another ``format``. TypeError: another kind of ``path``.
    """
    if format not in ("BGR", "RGB"):
        raise ValueError(f"format {format!r}: 'BGR' or 'RGB'")
    with opened(path, max_pixels, name, page=page) as file:
        pixels = pixels_of(file, "RGB", reverse=format == "BGR", scale=True)
        return LoadedImage(pixels, Reading(file.format, file.page, file.pages, file.changes, file.profile))


def read_image(
    path: Source, format: str = "BGR", *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> np.ndarray:
    """The pixels of :func:`load_image`, with its arguments and errors."""
    return load_image(path, format, max_pixels=max_pixels, name=name).pixels


def read_grey(path: Source, *, max_pixels: int = MAX_PIXELS, name: str | None = None) -> np.ndarray:
    """Reads an image as grey, colours by luma (BT.601): (H, W) uint8, 0..255. Errors as ``load_image``."""
    with opened(path, max_pixels, name) as file:
        return pixels_of(file, "L")


def read_mask(
    path: Source, size: tuple[int, int] | None = None, *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> np.ndarray:
    """Reads a ground-truth mask: manipulated where grey > 127.

    Colours count by their luma, palettes by their colours, alpha does not count, 16 bits by their high byte.
    A source whose masks follow another rule (NIST16: black, Columbia: red and green) reads them by its own.

    Args:
        path: as in ``load_image``.
        size: (height, width) that the mask must have, or None.
        max_pixels, name: as in ``load_image``.

    Returns:
        (H, W) bool array, True = manipulated.

    Raises:
        UserError: as ``load_image``, and where the mask is not of ``size``.
    """
    mask = read_grey(path, max_pixels=max_pixels, name=name) > 127
    if size is not None and mask.shape != tuple(size):
        (height, width), (h, w) = mask.shape, size
        raise UserError(
            f"{name_of(path, name)}: mask is {width}x{height}, its image {w}x{h}; give a mask of the image's size"
        )
    return mask


def read_header(
    path: Source, *, page: int | None = None, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Header:
    """Reads what a file says about itself; the pixels are not decoded. Arguments and errors: see ``load_image``."""
    with opened(path, max_pixels, name, page=page, decode=False) as file:
        orientation, turn = orientation_of(file)
        width, height = file.image.size
        if turn in SIDEWAYS:
            width, height = height, width
        return Header(height, width, orientation, file.image.mode, is_deep(file), file.page, file.pages)


def read_size(path: Source, *, max_pixels: int = MAX_PIXELS, name: str | None = None) -> tuple[int, int]:
    """(height, width) of the upright image, without decoding its pixels. Errors as in ``load_image``."""
    return read_header(path, max_pixels=max_pixels, name=name).size
