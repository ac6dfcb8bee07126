"""From whatever an image comes in to Pillow's open image, bounded; what goes wrong becomes one clear line."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Union

from PIL import Image

try:  # HEIF, phones' HEIC files among it: an extra
    import pillow_heif
except ImportError:
    pillow_heif = None  # type: ignore[assignment]

from ..utils.errors import UserError
from ..utils.files import printable
from .bigtiff import as_classic_tiff
from .bmp_fields import read_fields
from .decoder_messages import quiet
from .jpeg_structure import JpegStructure, check_jpeg
from .kinds import HEAD, kind_of
from .limits import MAX_PAGES, Refused, check_exif
from .reading_notes import page_of
from .repair import ended_jpeg, lean_png
from .structure import Structure, check_structure

Image.init()
if pillow_heif is not None:
    # The primary image is all that is wanted of a file.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
#: What files are opened, by Pillow's names, as far as this Pillow can: the still images that people have.
FORMATS = tuple(
    name
    for name in ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
    if name in Image.OPEN
)
#: Largest file that is opened: some decoders read it whole.
MAX_BYTES = 1 << 31
#: How decoders say that a file may be whole but is of a kind they do not know.
_UNKNOWN_KIND = re.compile(r"unsupported|not supported|not available|unknown|cannot handle|unrecognized", re.IGNORECASE)

#: Where an image is read from: a file's path, its content, an open binary file, or Pillow's image.
Source = Union[str, os.PathLike, bytes, BinaryIO, Image.Image]


@dataclass
class Opened:
    """Pillow's image, not decoded yet, and what is known of its file.

    Attributes:
        image: stands at the wanted page.
        format: the file's, by Pillow's names; "" if it was in memory.
        head: the file's first bytes, empty if it was in memory.
        file: what Pillow reads, if it was none of Pillow's.
        place: the wanted page as Pillow counts, from 0.
        page, pages, more: see :class:`.reading.Reading`.
        changes: what was done so far, see there.
        profile: see there.
    """

    image: Image.Image
    format: str = ""
    head: bytes = b""
    file: BinaryIO | None = None
    place: int = 0
    page: int = 1
    pages: int = 1
    more: bool = False
    changes: dict[str, str] = field(default_factory=dict)
    profile: bytes = b""


def name_of(source: Source, name: str | None) -> str:
    """What messages call an image."""
    if name is None:
        name = source if isinstance(source, (str, os.PathLike)) else "image"
    return printable(name)


@contextmanager
def opened(
    source: Source, max_pixels: int, name: str | None, *, page: int | None = None, decode: bool = True
) -> Iterator[Opened]:
    """Opens an image; whatever Pillow throws at bad bytes, here or while it is decoded, becomes one clear line.

    Args:
        source: as in :func:`.reading.read_image`.
        max_pixels: refuse larger images.
        name: see :func:`name_of`.
        page: from 1; None: the first, of HEIF the primary one.
        decode: it is going to be decoded; False skips what only that needs.

    Raises:
        UserError: the file cannot be read. TypeError: another kind of source.
    """
    if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)) and not hasattr(
        source, "read"
    ):
        raise TypeError(f"an image is a path, bytes, an open file or Pillow's image, not {type(source).__name__}")
    name, format = name_of(source, name), ""
    try:
        with ExitStack() as stack:
            stack.enter_context(quiet())
            if isinstance(source, Image.Image):  # the caller's to close
                result = _known_to_pillow(source, max_pixels)
            else:
                file = _file(source, stack)
                structure = check_structure(file, max_pixels, page or 1)
                format = _format(file)
                result = _open_file(file, format, structure, max_pixels, page, decode, stack)
            _check_size(result.image, max_pixels)
            check_exif(len(result.image.info.get("exif") or b""))  # of WebP, AVIF and HEIF
            if result.pages > 1:
                result.changes = {"page": page_of(result.page, result.pages, result.more), **result.changes}
            yield result
    except UserError:
        raise
    except Refused as error:
        raise UserError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise UserError(f"{name}: no such file") from None
    except Image.DecompressionBombError:
        raise UserError(f"{name}: too many pixels, larger than Pillow decodes; is it an image at all?") from None
    except MemoryError:
        raise UserError(f"{name}: not enough memory for an image of this size") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error, IndexError, ...
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
            raise UserError(f"{name}: {str(error.strerror).lower()}") from None
        reason = printable(" ".join(str(error).split())[:200]) or type(error).__name__
        if _UNKNOWN_KIND.search(reason):
            raise UserError(f"{name}: {format or 'an image'} of a kind that is not read ({reason}); save it as PNG or "
                            "as TIFF with 8 or 16 bits") from error  # fmt: skip
        raise UserError(f"{name}: damaged or truncated ({reason})") from error


def _known_to_pillow(image: Image.Image, max_pixels: int) -> Opened:
    file = getattr(image, "fp", None)
    result = Opened(image, image.format or "")
    if file is not None:  # None: Pillow has decoded it already
        check_structure(file, max_pixels)
        result.page, result.pages = image.tell() + 1, max(1, image.tell() + 1, _pages(image))
    return result


def _open_file(
    file: BinaryIO, format: str, structure: Structure, max_pixels: int, page: int | None, decode: bool, stack: ExitStack
) -> Opened:  # fmt: skip
    changes: dict[str, str] = {}
    head = file.read(1 << 12)
    file.seek(0)
    file = _readable(file, format, structure.jpeg if decode else None, changes)
    try:
        image = stack.enter_context(_open(file, format))
    except OSError:
        fields = read_fields(file, max_pixels) if format == "BMP" else None
        if fields is None:
            raise
        image, changes["layout"] = fields[0], f"bit fields of {fields[1]} bits"
    result = Opened(image, format, head, file, changes=changes)
    result.pages = max(1, structure.pages or _pages(image))
    result.more = structure.more or result.pages >= MAX_PAGES
    result.page = page or (image.tell() + 1 if format == "HEIF" else 1)
    if result.page > result.pages:
        raise Refused(f"there is no page {result.page}: the file has {result.pages}")
    result.place = structure.place if structure.pages else result.page - 1
    if result.place != image.tell():
        _check_size(image, max_pixels)  # before a frame that others are drawn on
        image.seek(result.place)
        if format == "JPEG":  # of several: each a JPEG of its own
            check_jpeg(file, getattr(image, "offset", 0))
    return result


def _format(file: BinaryIO) -> str:
    """The name of a format that is read.

    Raises:
        Refused: anything else.
    """
    head = file.read(HEAD)
    file.seek(0)
    if not head:
        raise Refused("not an image: the file is empty")
    kind = kind_of(head)
    if kind is None:
        raise Refused(f"not an image, or of a format that is not read ({', '.join(FORMATS)} are)")
    if kind.refusal:
        raise Refused(kind.refusal)
    if kind.name == "HEIF" and "HEIF" not in FORMATS:
        raise Refused("HEIF (HEIC) is read where pillow-heif is: pip install 'constrained_rcnn[heif]'")
    if kind.name not in FORMATS:
        raise Refused(f"this Pillow was built without {kind.name}: pip install --upgrade pillow")
    return kind.name


def _open(file: BinaryIO, format: str) -> Image.Image:
    try:
        return Image.open(file, formats=(format,))
    except Image.UnidentifiedImageError:
        pass
    file.seek(0)
    try:  # all that it says is "cannot identify": ask the format itself why
        Image.OPEN[format][0](file, "")
    except Exception as error:
        # A TIFF's compression: the value alone.
        unknown = "unknown value " * (isinstance(error.__cause__, KeyError) and "unknown" not in str(error))
        raise ValueError(f"{unknown}{error}" or type(error).__name__) from None
    raise ValueError(f"no {format} in it")


def _readable(file: BinaryIO, format: str, jpeg: JpegStructure | None, changes: dict[str, str]) -> BinaryIO:
    """The file in the form in which Pillow takes it; says in ``changes`` what that is.

    Args:
        jpeg: structure of a JPEG that is going to be decoded.
    """
    if jpeg and jpeg.coded and not jpeg.ends:
        file.seek(0)
        if (ended := ended_jpeg(file.read(), jpeg)) is None:
            raise ValueError("no end marker, and more is missing")
        changes["repaired"] = "end marker missing, the image is complete"
        return ended
    elif format == "PNG" and (lean := lean_png(file)):
        changes["metadata"] = "damaged metadata, or more than 1 MiB of text or profile, passed over"
        return lean
    elif format == "TIFF" and (classic := as_classic_tiff(file)):
        changes["layout"] = "BigTIFF in big-endian order"
        return classic
    file.seek(0)
    return file


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise Refused(
            f"{image.width}x{image.height} is more than {max_pixels} pixels; "
            "raise INPUT.MAX_PIXELS if the image is meant"
        )


def _pages(image: Image.Image) -> int:
    """The number of pages or frames that Pillow tells; previews of a camera's JPEG do not count."""
    pages = min(getattr(image, "n_frames", 1), MAX_PAGES)
    try:
        kinds = [entry["Attribute"]["MPType"] for entry in getattr(image, "mpinfo", {})[0xB002]]
    except (AttributeError, KeyError, TypeError):
        return pages
    while pages > 1 and len(kinds) == pages and kinds[-1].startswith("Large Thumbnail"):
        kinds.pop()
        pages -= 1
    return pages


def _file(source: Any, stack: ExitStack) -> BinaryIO:
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
        raise Refused(f"a file of more than {MAX_BYTES >> 30} GiB; save the image alone")
    file.seek(0)
    return file
