"""Copies of the inputs, byte for byte."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...utils.files import output_error, printable, write_bytes_atomic
from ..detect.detector import digest_of
from ..files import read_bytes, reason
from ..inputs import safe_stem
from .layout import ORIGINALS

#: Longest part of an original's name that its copy keeps, UTF-8 bytes, so that results keep the copy's name whole.
_LONGEST = 140


def copy_name(file: Path, number: int) -> str:
    """A copy's name: the original's, made safe, and a number; no two numbers give the same name, on any file system."""
    stem = safe_stem(file).encode()[:_LONGEST].decode("utf-8", "ignore")
    suffix = re.sub(r"[^a-z0-9]", "", file.suffix.lower())[:8]
    return f"{stem}_{number:04d}" + (f".{suffix}" if suffix else "")


def keep(
    files: Iterable[Path], folder: Path, log: Callable[[str], None]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Copies files into a case and makes the copies read-only.

    Args:
        files: the inputs.
        folder: of the case.
        log: is told of each.

    Returns:
        ``original``, ``modified``, ``bytes``, ``sha256`` and ``copy`` of each, and ``file`` and ``reason`` of those
        that cannot be read.

    Raises:
        OutputError: a copy cannot be written.
    """
    kept: list[dict[str, Any]] = []
    lost: list[dict[str, str]] = []
    for number, file in enumerate(files, 1):
        original = printable(file.absolute())
        try:
            modified = datetime.datetime.fromtimestamp(os.stat(file).st_mtime, datetime.timezone.utc)
            data = read_bytes(file)
        except Exception as error:  # whatever one file does, the rest go on
            lost.append({"file": original, "reason": reason(error, file)})
            log(f"not kept: {original}: {lost[-1]['reason']}")
            continue
        name = copy_name(file, number)
        path = folder / ORIGINALS / name
        write_bytes_atomic(path, data)
        try:
            path.chmod(0o444)
        except OSError as error:
            raise output_error(path, error) from None
        digest = digest_of(data)
        kept.append({"original": original, "modified": modified.isoformat(timespec="seconds"), "bytes": len(data),
                     "sha256": digest, "copy": f"{ORIGINALS}/{name}"})  # fmt: skip
        log(f"kept: {original} as {ORIGINALS}/{name}, SHA-256 {digest}")
    return kept, lost
