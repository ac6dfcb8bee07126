"""The spreadsheet of corrected names, whole and hostile."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from constrained_rcnn.preparation.sources.casia_corrections import read_corrections
from constrained_rcnn.utils.errors import UserError
from tests.helpers.casia_tree import CORRECTIONS, write_corrections


def test_corrections(tmp_path):
    path = tmp_path / "FileNameCorrection.xlsx"
    write_corrections(path, rows=[("Sp_S_a.0257.jpg", "Sp_D_a_0257.jpg"), (" b.jpg ", "c & d.jpg")])
    assert read_corrections(path) == {"Sp_S_a.0257": "Sp_D_a_0257", "b": "c & d"}
    write_corrections(path, headings=("Note", "old", "new"))
    assert read_corrections(path) == {Path(a).stem: Path(b).stem for a, b in CORRECTIONS}  # by their form
    write_corrections(path, headings=("Note", "old", "new"), rows=[("a.jpg", "b.jpg")])
    with pytest.raises(UserError, match="no columns"):
        read_corrections(path)
    path.write_bytes(b"PK not a zip")
    with pytest.raises(UserError, match="cannot be read as an Excel workbook"):
        read_corrections(path)


def test_a_workbook_that_unpacks_to_far_more_is_not_unpacked(tmp_path):
    path = tmp_path / "FileNameCorrection.xlsx"
    write_corrections(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/sharedStrings2.xml", b" " * (17 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(UserError, match="unpacks to more"):
        read_corrections(path)


def test_a_cell_far_away_costs_nothing_and_formulas_are_not_read(tmp_path):
    path = tmp_path / "FileNameCorrection.xlsx"
    book = openpyxl.Workbook()
    book.active.append(("Original file name", "Corrected file name"))
    book.active.append(("a.jpg", "b.jpg"))
    book.active.append(("c.jpg", '=HYPERLINK("x")'))
    book.active.cell(1_048_576, 16_384, "far")
    book.save(path)
    assert read_corrections(path) == {"a": "b"}


def test_a_missing_library_is_one_line(tmp_path, monkeypatch):
    write_corrections(tmp_path / "a.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match="a.xlsx: Excel workbooks need the library openpyxl .*pip install openpyxl"):
        read_corrections(tmp_path / "a.xlsx")
