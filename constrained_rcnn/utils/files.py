"""Writing files so that nobody ever sees half of one, and their names on one line."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image

from . import locks
from .errors import OutputError

#: What the name of a folder begins with that holds outputs until they are whole; see :mod:`.output_folder`.
UNFINISHED = ".unfinished"
#: Characters that a terminal, a table or a page must not be handed as they are: controls, line and paragraph
#: separators, and those that turn the direction of writing.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Opens a temporary file in the same folder for writing; at the end it is renamed onto ``path``.

    A process killed in between leaves the old file, or none, and a hidden ``.tmp-*`` file, which the next process
    that writes into this folder removes. The folder is made if it is not there.

    Raises:
        OutputError: it cannot be written; the old file is as it was.
    """
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        locks.remove_leftovers(path.parent)
        if path.is_dir():
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():  # /dev/null would be gone for everybody
            raise OSError(errno.EINVAL, "not a regular file")
        file, temporary = locks.temporary_file(path.parent)
        with file:
            yield file
            file.flush()
            if not locks.AVAILABLE:  # Windows renames no open file; elsewhere it stays open, and so locked
                file.close()
            os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        reason = _os_error(error)
        if reason is not None:
            raise output_error(path, reason) from error
        raise


def _os_error(error: BaseException | None) -> OSError | None:
    """The system's error behind an error; libraries raise errors of their own upon it."""
    while isinstance(error, Exception) and not isinstance(error, OSError):
        error = error.__context__
    return error if isinstance(error, OSError) else None


def output_error(path: str | os.PathLike, error: OSError) -> OutputError:
    """The line that names an output, says why it cannot be written and what to do."""
    # By the name that it would have had: the folder of what is not whole goes with it.
    path = Path(*(part for part in Path(path).parts if not part.startswith(UNFINISHED)))
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    todo = (
        "make room, then run it again (with --resume where there is one)" if full else "correct that, or name another"
    )
    return OutputError(f"{printable(path)}: cannot be written: {(error.strerror or str(error)).lower()}; {todo}")


def append(file: BinaryIO, path: str | os.PathLike, data: bytes) -> None:
    """Appends to a file that is open unbuffered, as a whole or not at all.

    Raises:
        OutputError: it cannot be written; the file is as it was.
    """
    end, remaining = os.fstat(file.fileno()).st_size, memoryview(data)
    try:
        while remaining:  # on a disk that is nearly full, a part is written without an error
            remaining = remaining[file.write(remaining) :]
    except OSError as error:
        file.truncate(end)  # half a line would spoil the next one
        raise output_error(path, error) from None


def write_bytes_atomic(path: str | os.PathLike, data: bytes) -> None:
    """Writes ``data`` by :func:`atomic_file`."""
    with atomic_file(path) as file:
        file.write(data)


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
            0..65535; (H, W, 3) uint8 **BGR** 0..255, the channel order of ``images.reading.read_image``.

    Raises:
        TypeError: any other shape or dtype.
    """
    if array.ndim == 2 and array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    colour = array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8
    if not grey and not colour:
        raise TypeError(f"PNG from shape {array.shape} and {array.dtype}; see write_png_atomic for what goes")
    image = Image.fromarray(np.ascontiguousarray(array[:, :, ::-1] if colour else array))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
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
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
