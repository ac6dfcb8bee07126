"""The notebook runs from top to bottom wherever it is copied to, and holds no outputs in git."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "tools/demo.ipynb"
#: A longer cell has logic that belongs into the package.
LINES = 20


def test_cells_are_short_and_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert len(cell.source.splitlines()) <= LINES, cell.source
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.slow
def test_it_runs_in_a_folder_of_its_own(tmp_path, monkeypatch):
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, places)]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert "12 forgeries, 6 authentic images" in text and "auc" in text and "copy-move: " in text
    assert len(figures) == 4 and (tmp_path / "output/notebook/precision_recall.png").stat().st_size > 1000
