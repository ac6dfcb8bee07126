"""The files of a scan as absolute paths, each once: millions, so bytes and no objects around them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow
import pyarrow.parquet

from ...utils.errors import UserError
from ...utils.files import printable

#: Columns that hold the paths where none is named; the first that is there.
PATH_COLUMNS = ("path", "file")
_MAGIC = b"PAR1"


def absolute(paths: Iterable[str | bytes | Path]) -> list[bytes]:
    """The same as absolute paths, each once, in their order."""
    return list(dict.fromkeys(os.path.abspath(os.fsencode(path)) for path in paths))


def read_list(path: str, column: str | None = None) -> list[bytes]:
    """The paths that a file lists; whether they lead to files is not looked at.

    Args:
        path: a text file with a path on each line (or between NUL bytes), or Parquet, one file or a folder of them.
        column: of Parquet; None: the first of ``PATH_COLUMNS`` that it has.

    Returns:
        Absolute paths, relative ones taken from the current folder.

    Raises:
        UserError: no such list, none of these kinds, or nothing in it.
    """
    if not os.path.exists(path):
        raise UserError(f"--list {printable(path)}: no such file; check the path")
    if os.path.isdir(path) or _head(path) == _MAGIC:
        paths = _column(path, column)
    elif column is not None:
        raise UserError(f"--column {column}: --list {printable(path)} is a text file; leave the option out")
    else:
        data = Path(path).read_bytes()
        paths = [line for line in (data.split(b"\0") if b"\0" in data else data.splitlines()) if line]
    if not paths:
        raise UserError(f"--list {printable(path)}: lists no file; give another one")
    return absolute(paths)


def _head(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(len(_MAGIC))


def _column(path: str, name: str | None) -> list[str | bytes]:
    named = f"--list {printable(path)}"
    try:
        there = pyarrow.parquet.ParquetDataset(path).schema.names
        name = name or next((one for one in PATH_COLUMNS if one in there), None)
        if name not in there:
            raise UserError(f"{named}: has no column {name or 'path'}, only {', '.join(there)}; name one by --column")
        column = pyarrow.parquet.read_table(path, columns=[name]).column(0)
    except pyarrow.ArrowException as error:
        raise UserError(f"{named}: is no Parquet that can be read: {' '.join(str(error).split())}") from None
    kind = column.type.value_type if pyarrow.types.is_dictionary(column.type) else column.type
    text = (pyarrow.types.is_string, pyarrow.types.is_large_string, pyarrow.types.is_binary)
    if not any(is_text(kind) for is_text in text):
        raise UserError(f"{named}: column {name} holds {kind}, not paths; name another one by --column")
    if column.null_count:
        raise UserError(f"{named}: column {name} has {column.null_count} rows without a path; leave them out")
    return [one for one in column.to_pylist() if one]
