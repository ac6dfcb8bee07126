"""The summary of a run as CSV: every row is on disk as soon as its image is judged."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from .data.files import write_bytes_atomic

COLUMNS = (
    "file", "status", "score", "threshold", "techniques", "regions", "width", "height", "sha256", "time", "name",
    "reason",
)  # fmt: skip


class ResultsTable:
    """Rows of judged and skipped files; a context manager that keeps the CSV open while it runs.

    Attributes:
        rows: the JSON records of judged images, less their regions, in the order of judging; after ``finish`` by
            falling score.
        skipped: ``{"file", "reason"}`` of the others.
    """

    def __init__(self, path: Path):
        """
        Args:
            path: of the CSV, UTF-8; its folder is made if it is not there.
        """
        self.path = path
        self.rows: list[dict] = []
        self.skipped: list[dict] = []

    def __enter__(self) -> ResultsTable:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "w", encoding="utf-8", newline="")
        self._write(COLUMNS)
        return self

    def __exit__(self, *error) -> None:
        self._file.close()

    def add(self, record: dict) -> None:
        """Adds a judged image: the record of its JSON file."""
        row = {key: record[key] for key in ("file", "score", "threshold", "techniques", "width", "height")}
        row |= {key: record[key] for key in ("manipulated", "sha256", "time", "name", "views", "tiles")}
        row["regions"] = sum(found["score"] > record["threshold"] for found in record["detections"])
        self.rows.append(row)
        self._write(_cells(row))

    def skip(self, file: str, reason: str) -> None:
        """Adds a file that was not judged."""
        self.skipped.append({"file": file, "reason": reason})
        self._write(_cells(self.skipped[-1]))

    def finish(self) -> None:
        """Sorts by falling score, skipped files last, and replaces the CSV."""
        self.rows.sort(key=lambda row: (-row["score"], row["file"]))
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([COLUMNS, *(_cells(row) for row in [*self.rows, *self.skipped])])
        self._file.close()
        write_bytes_atomic(self.path, text.getvalue().encode("utf-8"))

    def _write(self, cells) -> None:
        csv.writer(self._file).writerow(cells)
        self._file.flush()


def _cells(row: dict) -> list:
    if "reason" in row:
        status = "skipped"
    else:
        status = "manipulated" if row["manipulated"] else "no manipulation found"
    values = {**row, "status": status, "techniques": " ".join(row.get("techniques", ()))}
    return [_harmless(values.get(column, "")) for column in COLUMNS]


def _harmless(value):
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") and value else value
