"""The summary of a run as CSV: every row is on disk as soon as its image is judged."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from pathlib import Path

from .data.files import write_bytes_atomic

COLUMNS = (
    "file", "status", "score", "threshold", "techniques", "regions", "repeats", "width", "height", "sha256", "time",
    "name", "reason",
)  # fmt: skip


class ResultsTable:
    """Rows of judged and skipped files; a context manager that keeps the CSV open while it runs.

    Attributes:
        rows: :func:`row_of` each judged image, in the order of judging; after ``finish`` by falling score.
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
        row = row_of(record)
        self.rows.append(row)
        self._write(_cells(row))

    def skip(self, file: str, reason: str) -> None:
        """Adds a file that was not judged."""
        self.skipped.append({"file": file, "reason": reason})
        self._write(_cells(self.skipped[-1]))

    def finish(self) -> None:
        """Sorts by falling score, skipped files last, and replaces the CSV."""
        self.rows.sort(key=lambda row: (-row["score"], row["file"], row["name"]))
        text = io.StringIO(newline="")
        _writer(text).writerows([COLUMNS, *(_cells(row) for row in [*self.rows, *self.skipped])])
        self._file.close()
        write_bytes_atomic(self.path, text.getvalue().encode("utf-8"))

    def _write(self, cells) -> None:
        _writer(self._file).writerow(cells)
        self._file.flush()


def row_of(record: dict) -> dict:
    """What table and page need of an image's JSON record; small, so that forty thousand fit into memory.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: not the record of a result.
    """
    row = {key: str(record[key]) for key in ("file", "sha256", "time", "name")}
    row |= {key: int(record[key]) for key in ("width", "height", "views", "tiles")}
    row |= {key: float(record[key]) for key in ("score", "threshold")}
    if not (math.isfinite(row["score"]) and math.isfinite(row["threshold"])):
        raise ValueError("a score that is no number")
    row["manipulated"] = bool(record["manipulated"])
    row["techniques"] = [sys.intern(str(name)) for name in record["techniques"]]
    regions = [found for found in record["detections"] if found["score"] > row["threshold"]]
    row["regions"] = len(regions)
    row["twins"] = sum(found.get("found_by") == "repeats" for found in regions)
    repeats = record.get("repeats")  # None: not looked for
    row["repeats"] = None if repeats is None else len(repeats)
    row["alike"] = how(repeats[0]) if repeats else ""
    versions = {str(name): str(version) for name, version in record["versions"].items()}
    row["versions"] = sys.intern(json.dumps(versions, sort_keys=True))  # one string for all images of a run
    return row


def how(pair: dict) -> str:
    """How two regions are alike, in words: ``similarity``, ``matches``, ``angle``, ``scale`` and ``mirrored``."""
    said = [f"{100 * float(pair['similarity']):.0f}% alike at {int(pair['matches'])} points"]
    if abs(float(pair["angle"])) >= 2:
        said.append(f"turned {float(pair['angle']):.0f}°")
    if abs(float(pair["scale"]) - 1) >= 0.02:
        said.append(f"scaled {float(pair['scale']):.2f}")
    return ", ".join([*said, "mirrored"] if pair["mirrored"] else said)


def _writer(file):
    # Text in quotes: where ";" separates columns, a spreadsheet would else find new cells inside of names.
    return csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)


def _cells(row: dict) -> list:
    if "reason" in row:
        status = "skipped"
    else:
        status = "manipulated" if row["manipulated"] else "no manipulation found"
    values = {**row, "status": status, "techniques": " ".join(row.get("techniques", ()))}
    cells = (values.get(column) for column in COLUMNS)
    return ["" if cell is None else harmless(cell) for cell in cells]


def harmless(value):
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") and value else value
