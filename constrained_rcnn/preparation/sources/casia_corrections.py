"""The spreadsheet of corrected file names that came with CASIA's masks, read by openpyxl."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from ...utils.dependencies import require
from ...utils.errors import UserError
from .casia_names import parse_tampered

_HEADINGS = ("original file name", "corrected file name")
#: The published sheets have fewer than 20 kB, 200 rows and 5 columns.
_MAX_BYTES, _MAX_PARTS, _MAX_ROWS, _MAX_COLUMNS = 16 << 20, 200, 20_000, 26


def read_corrections(path: Path) -> dict[str, str]:
    """Reads ``FileNameCorrection.xlsx``: stem on disk -> corrected stem.

    Without the headings of version 1's sheet, the first two file names of a row count.

    Raises:
        UserError: not such a workbook, without the two headings, or far larger than a list of names.
        MissingDependency: openpyxl is not installed.
    """
    rows = _rows(path)
    heading = [text.lower() for text in rows[0]] if rows else []
    if all(name in heading for name in _HEADINGS):
        original, corrected = (heading.index(name) for name in _HEADINGS)
        pairs = [(row[original], row[corrected]) for row in rows[1:]]
    else:  # version 2's sheet may be laid out otherwise: names are known by their form
        named = [[text for text in row if parse_tampered(Path(text).stem)] for row in rows]
        pairs = [(row[0], row[1]) for row in named if len(row) > 1]
        if not pairs:
            raise UserError(f"{path}: no columns 'Original file name' and 'Corrected file name' in its first row")
    return {Path(original).stem: Path(corrected).stem for original, corrected in pairs if original and corrected}


def _rows(path: Path) -> list[list[str]]:
    """The first sheet's cells as text, all rows of one length; formulas by the values that were stored with them."""
    openpyxl = require("openpyxl", "openpyxl", f"{path}: Excel workbooks")
    try:
        with zipfile.ZipFile(path) as parts:  # of none is more unpacked than it says here
            if len(parts.infolist()) > _MAX_PARTS or sum(part.file_size for part in parts.infolist()) > _MAX_BYTES:
                raise UserError(f"{path}: unpacks to more than a list of file names can need; fetch it again")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            cells = book.worksheets[0].iter_rows(max_row=_MAX_ROWS, max_col=_MAX_COLUMNS, values_only=True)
            return [[_text(value) for value in row] for row in cells if any(value is not None for value in row)]
        finally:
            book.close()
    except UserError:
        raise
    except Exception as error:  # openpyxl meets damage with whatever exception it leads to
        raise UserError(f"{path}: cannot be read as an Excel workbook ({error}); fetch it again") from None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
