"""Writing files so that nobody ever sees half of one, and listing the pictures of a folder."""

from __future__ import annotations

import io
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

#: Suffixes (lower case) that count as pictures when a folder is listed.
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".jp2", ".avif", ".mpo"}
)


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


def list_images(folder: Path, *, exclude: Iterable[Path] = ()) -> list[Path]:
    """Pictures anywhere under ``folder``, in an order that no file system decides.

    Links to files count as the files; links to folders are not followed, so that no loop and nothing outside of the
    folder is walked into. Dangling links, pipes, sockets and devices are passed over.

    Args:
        folder: searched recursively; hidden files and folders (leading dot) are passed over.
        exclude: folders whose content is passed over.

    Returns:
        Paths that begin with ``folder``, sorted by their posix form.
    """
    excluded = {Path(path).resolve() for path in exclude}
    found = []
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = [n for n in folders if not n.startswith(".") and (here / n).resolve() not in excluded]
        pictures = [n for n in names if not n.startswith(".") and Path(n).suffix.lower() in IMAGE_SUFFIXES]
        found += [here / n for n in pictures if (here / n).is_file()]
    return sorted(found, key=lambda path: path.as_posix())
