"""Reading pictures and masks from whoever sends them: lossless, bounded, upright, and by ONE decoder.

Everything is decoded by Pillow. Pillow and OpenCV link different builds of libjpeg, whose pixels differ by a
grey level here and there; for a detector of compression and resampling traces that is another camera.
Detectron2 reads through Pillow too, so training, evaluation and prediction see the same numbers. OpenCV
decodes nothing here.

What a file of an unusual kind becomes, the same rule everywhere:

- EXIF (or XMP, or TIFF) orientation is applied, so that the rows are those a viewer shows;
- several pages or frames: the first one;
- 16 bits per channel: the high byte (Pillow does the same for colour by itself); 32-bit integers count as
  16-bit if they fit; floating point has no defined white and is refused;
- palette: its colours; alpha: dropped, colours as stored and not blended; grey: repeated over three channels;
- CMYK and YCCK: Pillow's plain conversion, as Detectron2's reader does; colour profiles are ignored.

And of a hostile kind:

- only the formats of ``FORMATS`` are opened, by their content and whatever the name says: no PostScript (which
  Pillow hands to Ghostscript), no document or scientific format. A polyglot is the picture that it begins as;
- more than ``max_pixels`` pixels, or a JPEG of more than ``MAX_SCANS`` scans: refused before decoding;
- EXIF that cannot be read counts as none; metadata that unpacks to more than Pillow's limits (1 MiB a text) and
  anything that ends early is damage, and damage is a ``UserError``: no half picture is ever judged;
- a named pipe, a socket, a device: refused, not waited for.

Memory: 7 bytes per pixel while a colour picture is read (Pillow's four, our three; 11 if it has to be turned), then
our three.

Detectron2's own ``read_image`` gives the same array but for two kinds: it turns oriented TIFF files twice
(Pillow has turned them already) and clips 16-bit grey at 255, nearly all white.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO, Union

import numpy as np
from PIL import ExifTags, Image

from constrained_rcnn.errors import UserError

#: Largest picture that is decoded, in pixels: 2^27, for cameras of 100 megapixels (384 MiB of RGB).
MAX_PIXELS = 134_217_728
Image.init()
#: What files are opened, by Pillow's names, as far as this Pillow can: the still pictures that people have.
FORMATS = tuple(
    name for name in ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP") if name in Image.OPEN
)
#: Most scans of a JPEG; progressive ones have about ten, and each costs a pass over the whole picture.
MAX_SCANS = 200
#: Rows that are converted at a time.
_ROWS = 512

#: EXIF orientation -> the turn that makes the picture upright (EXIF 2.3, tag 0x0112).
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Header:
    """What a file says about itself before its pixels are decoded.

    Attributes:
        height, width: pixels, after orientation.
        orientation: EXIF value 1..8; 1 where there is none or an invalid one.
        mode: Pillow's mode as stored, for instance ``RGB``, ``L``, ``P``, ``CMYK``, ``I;16``.
        deep: more than 8 bits per channel are stored.
        frames: number of pages or frames.
    """

    height: int
    width: int
    orientation: int
    mode: str
    deep: bool
    frames: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


#: Where a picture is read from: a file's path, its content, an open binary file, or Pillow's image.
Source = Union[str, os.PathLike, bytes, BinaryIO, Image.Image]


def read_image(path: Source, format: str = "BGR", *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads a picture without loss, upright.

    Args:
        path: a file, bytes or an open file of one of ``FORMATS``, or an image that Pillow has opened or made;
            messages call what has no name "image".
        format: ``"BGR"`` (Detectron2's default order) or ``"RGB"``.
        max_pixels: refuse larger pictures before decoding them. Above 178,956,970 Pillow's own bound
            (``PIL.Image.MAX_IMAGE_PIXELS``) has to be raised as well.

    Returns:
        (H, W, 3) uint8 array, 0..255, C-contiguous, writable; kinds as in the module's list.

    Raises:
        UserError: no such file, no picture, truncated, too large, floating point.
        ValueError: another ``format``.
    """
    if format not in ("BGR", "RGB"):
        raise ValueError(f"format {format!r}: 'BGR' or 'RGB'")
    return _decode(path, "RGB", max_pixels, reverse=format == "BGR")


def read_grey(path: Source, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads a picture as grey, colours by luma (BT.601): (H, W) uint8, 0..255. Errors as ``read_image``."""
    return _decode(path, "L", max_pixels)


def read_mask(
    path: str | os.PathLike, size: tuple[int, int] | None = None, *, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Reads a ground-truth mask: manipulated where grey > 127.

    Colours count by their luma, palettes by their colours, alpha does not count, 16 bits by their high byte.
    A source whose masks follow another rule (NIST16: black, Columbia: red and green) reads them by its own.

    Args:
        path: mask file.
        size: (height, width) that the mask must have, or None.
        max_pixels: as in ``read_image``.

    Returns:
        (H, W) bool array, True = manipulated.

    Raises:
        UserError: as ``read_image``, and where the mask is not of ``size``.
    """
    mask = read_grey(path, max_pixels=max_pixels) > 127
    if size is not None and mask.shape != tuple(size):
        (height, width), (h, w) = mask.shape, size
        raise UserError(
            f"{path}: mask is {width}x{height}, its image {w}x{h}; give a mask of the image's size"
        )
    return mask


def read_header(path: Source, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Reads what a file says about itself; the pixels are not decoded. Errors: see ``read_image``."""
    with _opened(path, max_pixels) as picture:
        orientation, turn = _orientation(picture)
        width, height = picture.size
        if turn in (
            Image.Transpose.TRANSPOSE,
            Image.Transpose.ROTATE_270,
            Image.Transpose.TRANSVERSE,
            Image.Transpose.ROTATE_90,
        ):
            width, height = height, width
        deep = picture.mode.startswith(("I", "F")) or any("16" in str(tile[3]) for tile in picture.tile)
        return Header(height, width, orientation, picture.mode, deep, getattr(picture, "n_frames", 1))


def read_size(path: Source, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(height, width) of the upright picture, without decoding its pixels. Errors as in ``read_image``."""
    return read_header(path, max_pixels=max_pixels).size


def _decode(source, mode: str, max_pixels: int, reverse: bool = False) -> np.ndarray:
    with _opened(source, max_pixels) as picture:
        _, turn = _orientation(picture)
        picture.load()
        upright = picture.transpose(turn) if turn is not None else picture
        width, height = upright.size
        pixels = np.empty((height, width) if mode == "L" else (height, width, 3), np.uint8)
        for top in range(0, height, _ROWS):
            # By strips: Pillow's and NumPy's copies of a whole picture would add up to twice its size.
            strip = _to_8_bit(upright.crop((0, top, width, min(height, top + _ROWS))))
            if strip.mode == "P" or "transparency" in strip.info:
                # Through RGBA, or Pillow warns of transparent palettes; the colours are the same.
                strip = strip.convert("RGBA")
            values = np.asarray(strip.convert(mode))
            pixels[top : top + _ROWS] = values[:, :, ::-1] if reverse else values
        return pixels


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Keeps the high byte of deep grey pictures (Pillow would clip them at 255)."""
    if picture.mode == "F":
        raise _Refused("floating-point picture without a defined white; save it with 8 or 16 bits")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    if values.size and (values.min() < 0 or values.max() > 65535):
        raise _Refused("more than 16 bits per pixel; save it with 8 or 16 bits")
    return Image.fromarray((values.astype(np.int32) >> 8).astype(np.uint8))


def _orientation(picture: Image.Image) -> tuple[int, Image.Transpose | None]:
    """(EXIF value, turn still to be done). Call it before the pixels are loaded."""
    try:
        # Pillow decodes a PNG in search of EXIF behind the pixels; its base class reads what stands before
        # them.
        file = getattr(picture, "fp", None)
        early = picture.format == "PNG" and file is not None and not _png_has_late_metadata(file)
        exif = Image.Image.getexif(picture) if early else picture.getexif()
        value = exif.get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block hides the tag, not the picture
        value = 1
    if value not in range(1, 9):
        value = 1
    # Pillow turns TIFF files itself while loading, and gives their upright size before.
    return value, None if picture.format == "TIFF" else UPRIGHT.get(value)


def _png_has_late_metadata(file: BinaryIO) -> bool:
    """Whether EXIF or text (which may hold XMP) follows the pixels; seeks from chunk to chunk."""
    position, seen_pixels = file.tell(), False
    try:
        file.seek(8)  # after the signature
        while len(head := file.read(8)) == 8:
            kind = head[4:]
            if seen_pixels and kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
                return True
            seen_pixels |= kind == b"IDAT"
            file.seek(int.from_bytes(head[:4], "big") + 4, os.SEEK_CUR)  # data and checksum
        return False
    finally:
        file.seek(position)


class _Refused(Exception):
    """A picture that could be decoded but is not; the message lacks only the file's name."""


@contextmanager
def _opened(source, max_pixels: int):
    """Opens a picture; whatever Pillow throws at bad bytes becomes one clear line."""
    name = source if isinstance(source, (str, os.PathLike)) else "image"
    try:
        with warnings.catch_warnings():
            # Our own limit goes first; at twice Pillow's an error remains.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module=r"PIL\..*")  # of corrupt EXIF and the like
            with _picture(source) as picture:
                if picture.width * picture.height > max_pixels:
                    raise _Refused(
                        f"{picture.width}x{picture.height} is more than {max_pixels} pixels; "
                        "raise INPUT.MAX_PIXELS if the picture is meant"
                    )
                file = getattr(picture, "fp", None)  # None: Pillow has decoded it already
                if picture.format in ("JPEG", "MPO") and file is not None and _scans(file) > MAX_SCANS:
                    raise _Refused(f"more than {MAX_SCANS} scans in one JPEG: made to cost time; save it anew")
                yield picture
    except UserError:
        raise
    except _Refused as error:
        raise UserError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise UserError(f"{name}: no such file") from None
    except (IsADirectoryError, PermissionError) as error:
        raise UserError(f"{name}: {error.strerror.lower()}") from None
    except Image.DecompressionBombError:
        raise UserError(f"{name}: too many pixels, larger than Pillow decodes; is it a picture at all?") from None
    except MemoryError:
        raise UserError(f"{name}: not enough memory for a picture of this size") from None
    except Image.UnidentifiedImageError:
        raise UserError(f"{name}: not a picture, or of a format that is not read ({', '.join(FORMATS)} are)") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError, ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{name}: damaged or truncated ({reason})") from error


def _picture(source):
    if isinstance(source, Image.Image):
        return nullcontext(source)  # the caller's to close
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        mode = os.stat(source).st_mode
        # Opening a named pipe waits for a writer that may never come; a device may never end.
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise _Refused("not a regular file")
    return Image.open(source, formats=FORMATS)


def _scans(file: BinaryIO) -> int:
    """Number of start-of-scan markers: an upper bound of the JPEG's scans, thumbnails in its header included."""
    position, count, last = file.tell(), 0, b""
    try:
        file.seek(0)
        while block := file.read(1 << 20):
            count += (last + block).count(b"\xff\xda")
            last = block[-1:]
        return count
    finally:
        file.seek(position)
