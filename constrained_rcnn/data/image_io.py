"""Reading pictures and masks from whoever sends them: lossless, bounded, upright, and by ONE decoder.

Everything is decoded by Pillow. Pillow and OpenCV link different builds of libjpeg, whose pixels differ by a
grey level here and there; for a detector of compression and resampling traces that is another camera.
Detectron2 reads through Pillow too, so training, evaluation and prediction see the same numbers. OpenCV
decodes nothing here.

What a file of an unusual kind becomes, the same rule everywhere:

- EXIF (or XMP, or TIFF) orientation is applied, so that the rows are those a viewer shows (of HEIF the turns that it
  names itself, and no other, as its standard says);
- several pages or frames: the first one (of HEIF the primary one);
- 16 bits per channel: the high byte (Pillow does the same for colour by itself); 32-bit integers count as
  16-bit if they fit; floating point has no defined white and is refused;
- palette: its colours; alpha: dropped, colours as stored and not blended; grey: repeated over three channels;
- CMYK and YCCK: Pillow's plain conversion, as Detectron2's reader does; colour profiles are ignored.

And of a hostile kind:

- only the formats of ``FORMATS`` are opened, by their content and whatever the name says: no PostScript (which
  Pillow hands to Ghostscript), no document or scientific format. A polyglot is the picture that it begins as, and
  what follows the picture's end (the video of a phone's moving photo, say) is not looked at;
- more than ``max_pixels`` pixels or ``MAX_BYTES`` bytes: refused before decoding; so are files whose structure costs
  more time than a picture can: a JPEG of more than ``MAX_SCANS`` scans, more than ``MAX_PARTS`` segments or chunks,
  a PNM of text or with a header of more than 4 KiB;
- EXIF that cannot be read counts as none; metadata that unpacks to more than Pillow's limits (1 MiB a text) and
  anything that ends early is damage, and damage is a ``UserError``: no half picture is ever judged. Bit errors that a
  decoder passes over (JPEG, fax), and tiles that are missing from a whole JPEG 2000, cannot be told from pixels;
- a named pipe, a socket, a device: refused, not waited for. A link is the file it leads to;
- messages stay on one line whatever a file is called: see ``files.printable``.

Memory in bytes per pixel, beyond the file itself and some 20 MB: 7 (Pillow's four, our three), turned upright or
not; 11 for a TIFF whose tag turns it; 10 for a progressive JPEG. Decoders that make copies of their own need more:
AVIF 10, WebP 16, JPEG 2000 18, HEIF 26.

No setting of Pillow or of ``warnings`` is changed for longer than a file is open: Pillow's warnings, of pictures that
are large but within our limit and of odd metadata, are silenced while any thread reads.

Detectron2's own ``read_image`` gives the same array but for two kinds: it turns oriented TIFF files twice
(Pillow has turned them already) and clips 16-bit grey at 255, nearly all white.
"""

from __future__ import annotations

import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Union

import numpy as np
from PIL import ExifTags, Image

try:  # HEIF, phones' HEIC files among it: an extra
    import pillow_heif
except ImportError:
    pillow_heif = None

from constrained_rcnn.data.files import printable
from constrained_rcnn.data.image_structure import Refused, check_exif, check_structure, png_chunks
from constrained_rcnn.errors import UserError

#: Largest picture that is decoded, in pixels: 2^27, for cameras of 100 megapixels (384 MiB of RGB).
MAX_PIXELS = 134_217_728
Image.init()
if pillow_heif is not None:
    # The primary picture is all that is wanted of a file.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
#: What files are opened, by Pillow's names, as far as this Pillow can: the still pictures that people have.
FORMATS = tuple(
    name
    for name in ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
    if name in Image.OPEN
)
#: How a HEIF file begins whose pictures are coded in HEVC (the first four bytes are a length).
_HEIF = re.compile(rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
#: Largest file that is opened: some decoders read it whole.
MAX_BYTES = 1 << 31
#: Pixels that are converted at a time, so that copies on the way stay small.
_BLOCK = 1 << 18

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
#: Turns that swap height and width.
_SIDEWAYS = frozenset(UPRIGHT[value] for value in (5, 6, 7, 8))


@dataclass(frozen=True)
class Header:
    """What a file says about itself before its pixels are decoded.

    Attributes:
        height, width: pixels, after orientation.
        orientation: EXIF value 1..8; 1 where there is none or an invalid one.
        mode: Pillow's mode as stored, for instance ``RGB``, ``L``, ``P``, ``CMYK``, ``I;16``.
        deep: more than 8 bits per channel are stored.
        several: there are more pages or frames than the one that is read.
    """

    height: int
    width: int
    orientation: int
    mode: str
    deep: bool
    several: bool

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


#: Where a picture is read from: a file's path, its content, an open binary file, or Pillow's image.
Source = Union[str, os.PathLike, bytes, BinaryIO, Image.Image]


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


def read_image(
    path: Source, format: str = "BGR", *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> np.ndarray:
    """Reads a picture without loss, upright.

    Args:
        path: a file, bytes or an open binary file (read from its start, not closed) of one of ``FORMATS``, or an
            image that Pillow has opened or made.
        format: ``"BGR"`` (Detectron2's default order) or ``"RGB"``.
        max_pixels: refuse larger pictures before decoding them. Above 178,956,970 Pillow's own bound
            (``PIL.Image.MAX_IMAGE_PIXELS``) has to be raised as well.
        name: what messages call the picture; None: its path, or "image" where it has none.

    Returns:
        (H, W, 3) uint8 array, 0..255, C-contiguous, writable; kinds as in the module's list.

    Raises:
        UserError: no such file, no picture, truncated, too large, floating point.
        ValueError: another ``format``. TypeError: another kind of ``path``.
    """
    if format not in ("BGR", "RGB"):
        raise ValueError(f"format {format!r}: 'BGR' or 'RGB'")
    return _decode(path, "RGB", max_pixels, name, reverse=format == "BGR")


def read_grey(path: Source, *, max_pixels: int = MAX_PIXELS, name: str | None = None) -> np.ndarray:
    """Reads a picture as grey, colours by luma (BT.601): (H, W) uint8, 0..255. Errors as ``read_image``."""
    return _decode(path, "L", max_pixels, name)


def read_mask(
    path: Source, size: tuple[int, int] | None = None, *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> np.ndarray:
    """Reads a ground-truth mask: manipulated where grey > 127.

    Colours count by their luma, palettes by their colours, alpha does not count, 16 bits by their high byte.
    A source whose masks follow another rule (NIST16: black, Columbia: red and green) reads them by its own.

    Args:
        path: as in ``read_image``.
        size: (height, width) that the mask must have, or None.
        max_pixels, name: as in ``read_image``.

    Returns:
        (H, W) bool array, True = manipulated.

    Raises:
        UserError: as ``read_image``, and where the mask is not of ``size``.
    """
    mask = read_grey(path, max_pixels=max_pixels, name=name) > 127
    if size is not None and mask.shape != tuple(size):
        (height, width), (h, w) = mask.shape, size
        raise UserError(
            f"{_name(path, name)}: mask is {width}x{height}, its image {w}x{h}; give a mask of the image's size"
        )
    return mask


def read_header(path: Source, *, max_pixels: int = MAX_PIXELS, name: str | None = None) -> Header:
    """Reads what a file says about itself; the pixels are not decoded. Errors: see ``read_image``."""
    with _opened(path, max_pixels, name) as picture:
        orientation, turn = _orientation(picture)
        width, height = picture.size
        if turn in _SIDEWAYS:
            width, height = height, width
        deep = picture.mode.startswith(("I", "F")) or any("16" in str(tile[3]) for tile in picture.tile)
        deep |= picture.info.get("bit_depth", 8) > 8  # of HEIF
        # Not n_frames: counting walks through a whole TIFF or GIF.
        return Header(height, width, orientation, picture.mode, deep, getattr(picture, "is_animated", False))


def read_size(path: Source, *, max_pixels: int = MAX_PIXELS, name: str | None = None) -> tuple[int, int]:
    """(height, width) of the upright picture, without decoding its pixels. Errors as in ``read_image``."""
    return read_header(path, max_pixels=max_pixels, name=name).size


def _decode(source, mode: str, max_pixels: int, name: str | None, reverse: bool = False) -> np.ndarray:
    with _opened(source, max_pixels, name) as picture:
        _, turn = _orientation(picture)
        picture.load()
        width, height = picture.size
        upright = (width, height) if turn in _SIDEWAYS else (height, width)
        pixels = np.empty(upright if mode == "L" else (*upright, 3), np.uint8)
        stored = _as_stored(pixels, turn)
        # By blocks: Pillow's and NumPy's copies of a whole picture would add up to twice its size.
        columns = min(width, _BLOCK)
        rows = max(1, _BLOCK // columns)
        for top in range(0, height, rows):
            for left in range(0, width, columns):
                box = (left, top, min(width, left + columns), min(height, top + rows))
                block = _to_8_bit(picture.crop(box))
                if block.mode == "P" or "transparency" in block.info:
                    # Through RGBA, or Pillow warns of transparent palettes; the colours are the same.
                    block = block.convert("RGBA")
                values = np.asarray(block.convert(mode))
                stored[top : top + rows, left : left + columns] = values[:, :, ::-1] if reverse else values
        return pixels


def _as_stored(upright: np.ndarray, turn: Image.Transpose | None) -> np.ndarray:
    """A view of upright pixels in the order of the file, whose pixels ``turn`` makes upright."""
    flipped = {
        Image.Transpose.FLIP_LEFT_RIGHT: upright[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: upright[::-1],
        Image.Transpose.ROTATE_180: upright[::-1, ::-1],
        Image.Transpose.TRANSPOSE: upright.swapaxes(0, 1),
        Image.Transpose.TRANSVERSE: upright[::-1, ::-1].swapaxes(0, 1),
        Image.Transpose.ROTATE_270: np.rot90(upright),
        Image.Transpose.ROTATE_90: np.rot90(upright, -1),
    }
    return flipped.get(turn, upright)


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Keeps the high byte of deep grey pictures (Pillow would clip them at 255)."""
    if picture.mode == "F":
        raise Refused("floating-point picture without a defined white; save it with 8 or 16 bits")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    if values.size and (values.min() < 0 or values.max() > 65535):
        raise Refused("more than 16 bits per pixel; save it with 8 or 16 bits")
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
    """Whether EXIF or text (which may hold XMP) follows the pixels."""
    position = file.tell()
    try:
        seen_pixels = False
        for kind, _ in png_chunks(file):
            if seen_pixels and kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
                return True
            seen_pixels |= kind == b"IDAT"
        return False
    finally:
        file.seek(position)


def _name(source, name: str | None) -> str:
    if name is None:
        name = source if isinstance(source, (str, os.PathLike)) else "image"
    return printable(name)


@contextmanager
def _opened(source, max_pixels: int, name: str | None):
    """Opens a picture; whatever Pillow throws at bad bytes becomes one clear line."""
    if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)) and not hasattr(
        source, "read"
    ):
        raise TypeError(f"a picture is a path, bytes, an open file or Pillow's image, not {type(source).__name__}")
    name = _name(source, name)
    try:
        with ExitStack() as stack:
            stack.enter_context(quiet())
            picture = source  # if it is Pillow's, it is the caller's to close
            if not isinstance(source, Image.Image):
                file = _file(source, stack)
                check_structure(file, max_pixels)
                if "HEIF" not in FORMATS and _HEIF.match(_head(file)):
                    raise Refused("HEIF (HEIC) is read where pillow-heif is: pip install 'constrained_rcnn[heif]'")
                picture = stack.enter_context(Image.open(file, formats=FORMATS))
            elif (file := getattr(source, "fp", None)) is not None:  # None: Pillow has decoded it already
                check_structure(file, max_pixels)
            if picture.width * picture.height > max_pixels:
                raise Refused(
                    f"{picture.width}x{picture.height} is more than {max_pixels} pixels; "
                    "raise INPUT.MAX_PIXELS if the picture is meant"
                )
            check_exif(len(picture.info.get("exif") or b""))  # of WebP, AVIF and HEIF
            yield picture
    except UserError:
        raise
    except Refused as error:
        raise UserError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise UserError(f"{name}: no such file") from None
    except Image.DecompressionBombError:
        raise UserError(f"{name}: too many pixels, larger than Pillow decodes; is it a picture at all?") from None
    except MemoryError:
        raise UserError(f"{name}: not enough memory for a picture of this size") from None
    except Image.UnidentifiedImageError:
        raise UserError(f"{name}: not a picture, or of a format that is not read ({', '.join(FORMATS)} are)") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError, ...
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
            raise UserError(f"{name}: {error.strerror.lower()}") from None
        reason = printable(" ".join(str(error).split())[:200]) or type(error).__name__
        raise UserError(f"{name}: damaged or truncated ({reason})") from error


def _file(source, stack: ExitStack) -> BinaryIO:
    """The content as an open file that can be sought; it is closed with ``stack`` if it is ours.

    Pillow is never given a name: it would map uncompressed files into memory, and end the process if another shortens
    one meanwhile.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        file = io.BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        try:
            mode = os.stat(source).st_mode
        except ValueError:  # a NUL, or characters that the file system cannot express
            raise Refused("no file can have this name") from None
        # Opening a named pipe would wait for a writer that may never come; a device may never end.
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise Refused("not a regular file")
        file = stack.enter_context(open(source, "rb"))
    elif hasattr(source, "seekable") and not source.seekable():
        file = io.BytesIO(source.read(MAX_BYTES + 1))
    else:
        file = source
    if file.seek(0, os.SEEK_END) > MAX_BYTES:
        raise Refused(f"a file of more than {MAX_BYTES >> 30} GiB; save the picture alone")
    file.seek(0)
    return file


def _head(file: BinaryIO) -> bytes:
    """The first bytes of a file that stands at its start, and stays there."""
    head = file.read(16)
    file.seek(0)
    return head


_reading = threading.Lock()
_readers = 0
_filters = None


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of Pillow while any thread is inside; ``warnings.catch_warnings`` alone holds for one thread only."""
    global _readers, _filters
    with _reading:
        _readers += 1
        if _readers == 1:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            # Our own limit goes first; at twice Pillow's an error remains.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module=r"PIL\..*")  # of corrupt EXIF and the like
    try:
        yield
    finally:
        with _reading:
            _readers -= 1
            if _readers == 0:
                _filters.__exit__(None, None, None)
