"""No file has more than 300 lines: one that grows longer holds more than one idea."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST = 300
FOLDERS = ("constrained_rcnn", "datasets", "tests", "tools")
SUFFIXES = {".py", ".css", ".html", ".js"}


def test_files_are_short():
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert len(lines) > 300
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MOST} == {}
