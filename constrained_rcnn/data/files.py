"""Writing files so that nobody ever sees half of one, and listing the pictures of a folder."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

logger = logging.getLogger(__name__)

#: Suffixes (lower case) that count as pictures when a folder is listed.
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .png .tif .tiff .bmp .webp .gif .ppm .pgm .jp2 .avif .heic .heif .hif .mpo".split()
)
#: Characters that a terminal, a table or a page must not be handed as they are: controls, line and paragraph
#: separators, and those that turn the direction of writing.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def write_bytes_atomic(path: str | os.PathLike, data: bytes) -> None:
    """Writes ``data`` to a temporary name in the same folder, then renames it onto ``path``.

    A process killed in between leaves the old file, or none, and a hidden ``.tmp-*`` file. The folder is
    made if it is not there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own: a long name plus a suffix could pass the file system's 255 bytes.
    temporary = path.parent / f".tmp-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json_atomic(path: str | os.PathLike, value: Any, *, indent: int | None = None) -> None:
    """Writes ``value`` as UTF-8 JSON through ``write_bytes_atomic``; NaN is refused (it is not JSON)."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)
    write_bytes_atomic(path, (text + "\n").encode("utf-8"))


def write_png_atomic(path: str | os.PathLike, array: np.ndarray) -> None:
    """Writes an array as PNG (lossless) through ``write_bytes_atomic``.

    Args:
        path: ends in ``.png`` by custom; the format is PNG whatever it ends in.
        array: one of (H, W) bool, written as 0/255; (H, W) uint8 grey 0..255; (H, W) uint16 grey
            0..65535; (H, W, 3) uint8 **BGR** 0..255, the channel order of ``image_io.read_image``.

    Raises:
        TypeError: any other shape or dtype.
    """
    if array.ndim == 2 and array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    colour = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    if not grey and not colour:
        raise TypeError(f"PNG from shape {array.shape} and {array.dtype}; see write_png_atomic for what goes")
    picture = Image.fromarray(np.ascontiguousarray(array[:, :, ::-1] if colour else array))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    write_bytes_atomic(path, buffer.getvalue())


def write_jpeg_atomic(path: str | os.PathLike, array: np.ndarray, quality: int) -> None:
    """Writes (H, W, 3) uint8 BGR as JPEG of that quality through ``write_bytes_atomic``."""
    _, data = cv2.imencode(".jpg", array, [cv2.IMWRITE_JPEG_QUALITY, quality])
    write_bytes_atomic(path, data.tobytes())


def printable(name: str | os.PathLike) -> str:
    """A file's name as text that is safe to show and to encode: what is not, as an escape such as ``\\x0a``.

    Raises nothing: bytes that are no UTF-8 become escapes, too.
    """
    try:
        data = os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        data = os.fspath(name).encode("utf-8", "backslashreplace")
    text = data.decode("utf-8", "backslashreplace")
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def list_images(folder: Path, *, exclude: Iterable[Path] = ()) -> list[Path]:
    """Pictures anywhere under ``folder``, in an order that no file system decides.

    Links to files count as the files, wherever they lie; links to folders are not followed, so that no loop and
    nothing outside of the folder is walked into (``folder`` itself may be a link). Dangling links, pipes, sockets and
    devices are passed over. A folder that cannot be listed is named in a warning and passed over. Names are kept as
    they are, with line breaks and with bytes that are no UTF-8 (as surrogates): show them by ``printable``.

    Args:
        folder: searched recursively, to any depth; hidden files and folders (leading dot) are passed over.
        exclude: folders whose content is passed over.

    Returns:
        Paths that begin with ``folder``, sorted by their posix form; empty where there is no such folder.
    """
    excluded = {Path(path).resolve() for path in exclude}
    found, waiting = [], [Path(folder)] if os.path.isdir(folder) else []
    while waiting:  # not os.walk: before Python 3.12 a thousand nested folders exhaust its stack
        here = waiting.pop()
        try:
            entries = [entry for entry in os.scandir(here) if not entry.name.startswith(".")]
        except OSError as error:
            logger.warning("%s: passed over, the folder cannot be listed (%s)", printable(here), error.strerror)
            continue
        for entry in entries:
            path = here / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not excluded or path.resolve() not in excluded:
                    waiting.append(path)
            elif path.suffix.lower() in IMAGE_SUFFIXES and os.path.isfile(path):
                found.append(path)
    return sorted(found, key=lambda path: path.as_posix())
