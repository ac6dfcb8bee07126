"""The summary of a folder's results as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path

from ...evidence.finding import Level
from ...images.file_facts import camera_name
from ...images.reading_notes import reading_line
from ...utils.errors import UserError
from ...utils.files import append, output_error, printable, write_bytes_atomic
from ..evidence.findings import strongest
from ..evidence.options import ALL_WITNESSES

COLUMNS = (
    "file", "status", "score", "threshold", "one_in", "kind", "covered", "techniques", "regions", "repeats", "width",
    "height", "sha256", "time", "name", "reason", "weights_sha256", "config_sha256", "reading",
    "format", "bytes", "camera", "strongest", *ALL_WITNESSES,
)  # fmt: skip

#: Status of a file in a folder that is no image.
LEFT_OUT = "left out"
#: What text begins with that a spreadsheet takes for a formula.
_FORMULA = tuple("=+-@\t\r")


class ResultsTable:
    """Rows of examined and skipped files; a context manager that keeps the CSV open while it runs.

    A table that is there already, of an earlier run, stays as it is until ``finish`` replaces it by one that has its
    rows, too. A new one has every row as soon as its image is examined.

    Attributes:
        rows: :func:`row_of` each examined image, in their order; after ``finish`` those of earlier runs, too,
            by falling score.
        skipped: ``{"file", "reason"}`` of the others; after ``finish`` likewise.
        left_out: ``{"file", "reason"}`` of files in this run's folders that are no images.
    """

    def __init__(self, path: Path, earlier: Iterable[dict] = ()):
        """
        Args:
            path: of the CSV, UTF-8; its folder is made if it is not there.
            earlier: the records of results that are there already.

        Raises:
            UserError: another file has the table's name.
        """
        self.path = path
        self.rows: list[dict] = []
        self.skipped: list[dict] = []
        self.left_out: list[dict] = []
        self._earlier = {row["name"]: row for row in map(row_of, earlier)}
        self._listed = _listed(path)

    def __enter__(self) -> ResultsTable:
        self._file = None
        if self._listed is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = open(self.path, "ab", buffering=0)  # empty, if a full disk or a kill has left it
            except OSError as error:
                raise output_error(self.path, error) from None
            self._write(COLUMNS)
        return self

    def __exit__(self, *error) -> None:
        if self._file:
            self._file.close()

    def add(self, record: dict) -> None:
        """Adds an examined image: the record of its JSON file."""
        row = row_of(record)
        self.rows.append(row)
        self._write(_cells(row))

    def skip(self, file: str, reason: str) -> None:
        """Adds a file that was not examined."""
        self.skipped.append({"file": file, "reason": reason})
        self._write(_cells(self.skipped[-1]))

    def finish(self, path: Path | None = None) -> None:
        """Adds what earlier runs left, sorts by falling score, skipped files last, and writes the CSV.

        Args:
            path: where to; None: it replaces the CSV.
        """
        names = {row["name"] for row in self.rows}
        again = {(row["file"], row["sha256"], row["page"]) for row in self.rows}  # under another name than before
        self.rows += [
            row
            for name, row in self._earlier.items()
            if name not in names and (row["file"], row["sha256"], row["page"]) not in again
        ]
        names.update(self._earlier)
        files = {row["file"] for row in self.rows} | {entry["file"] for entry in self.skipped}
        self.skipped += [
            entry
            for entry in self._listed or ()
            if (entry["name"] not in names if entry["name"] else entry["file"] not in files)
        ]
        self.rows.sort(key=lambda row: (-row["score"], row["file"], row["name"]))
        text = io.StringIO(newline="")
        left_out = [{**entry, "status": LEFT_OUT} for entry in self.left_out]
        _writer(text).writerows([COLUMNS, *(_cells(row) for row in [*self.rows, *self.skipped, *left_out])])
        write_bytes_atomic(path or self.path, text.getvalue().encode("utf-8"))

    def _write(self, cells) -> None:
        if self._file:
            text = io.StringIO(newline="")
            _writer(text).writerow(cells)
            append(self._file, self.path, text.getvalue().encode("utf-8"))


def _listed(path: Path) -> list[dict] | None:
    """Each row of a table that is there as if it were skipped: what was, and results, which have a name and are so if
    the record of that name is gone. None where there is no table."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise output_error(path, error) from None
    if not text:
        return None
    found = []
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if not {"file", "status", "score", "name", "reason"} <= set(rows.fieldnames or ()):
            raise ValueError("other columns")
        for row in rows:
            if row["status"] == LEFT_OUT:  # of folders that each run lists anew
                continue
            cells = {key: _plain(row[key] or "") for key in ("file", "time", "score", "name", "reason")}
            if row["status"] != "skipped":
                cells["reason"] = (
                    f"examined {cells['time']}, score {cells['score']}; {cells['name']}.json is gone or damaged"
                )
            found.append({key: cells[key] for key in ("file", "name", "reason")})
    except (ValueError, KeyError, csv.Error):
        raise UserError(f"{printable(path)}: is no table of this command; move it, or name another --output") from None
    return found


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
    row["page"] = int((record.get("reading") or {}).get("page", 1))
    row["reading"] = sys.intern(reading_line(record.get("reading")))  # many images of a run have the same
    facts = record.get("file_facts") or {}  # not in results of earlier versions
    row["format"] = sys.intern(str(facts.get("format", "")))
    row["bytes"] = int(facts["bytes"]) if facts else None
    row["camera"] = sys.intern(camera_name(facts.get("camera")))
    row["manipulated"] = bool(record["manipulated"])
    usual = "manipulated" if row["manipulated"] else "no manipulation found"
    row["decision"] = sys.intern(str(record.get("decision", usual)))
    rarity = record.get("rarity") or {}  # None: the weights do not know
    row["one_in"] = float(rarity["one_in"]) if rarity else None
    row["kind"] = sys.intern(str(rarity["kind"])) if rarity else ""
    row["untouched"] = int(rarity["images"]) if rarity else 0
    row["unsuitable"] = sys.intern(str(record.get("unsuitable") or ""))
    row["covered"] = float(record["covered"]) if "covered" in record else None
    row["techniques"] = [sys.intern(str(name)) for name in record["techniques"]]
    # The flag counts: scores are rounded. Results of earlier versions have none.
    regions = [d for d in record["detections"] if d.get("above_threshold", d["score"] > row["threshold"])]
    row["regions"] = len(regions)
    row["twins"] = sum(found.get("found_by") == "repeats" for found in regions)
    repeats = record.get("repeats")  # None: not looked for
    row["repeats"] = None if repeats is None else len(repeats)
    row["alike"] = how(repeats[0]) if repeats else ""
    findings = (record.get("evidence") or {}).get("findings", ())  # none: not asked, or of an earlier version
    levels = {str(one["witness"]): Level(one["finding"]) for one in findings}
    row["findings"] = {name: levels[name] for name in ALL_WITNESSES if name in levels}
    row["strongest"] = strongest(row["findings"].values()) if row["findings"] else None
    row["weights_sha256"] = sys.intern(str(record.get("weights", {}).get("sha256", "")))
    row["config_sha256"] = sys.intern(str(record.get("config_sha256", "")))
    versions = {str(name): str(version) for name, version in record["versions"].items()}
    row["versions"] = sys.intern(json.dumps(versions, sort_keys=True))  # one string for all images of a run
    return row


def how(pair: dict) -> str:
    """How two regions are alike, in words: ``similarity``, ``matches``, ``angle``, ``scale`` and ``mirrored``."""
    parts = [f"{100 * float(pair['similarity']):.0f}% alike at {int(pair['matches'])} points"]
    if abs(float(pair["angle"])) >= 2:
        parts.append(f"turned {float(pair['angle']):.0f}°")
    if abs(float(pair["scale"]) - 1) >= 0.02:
        parts.append(f"scaled {float(pair['scale']):.2f}")
    return ", ".join([*parts, "mirrored"] if pair["mirrored"] else parts)


def _writer(file):
    # Text in quotes: where ";" separates columns, a spreadsheet would else find new cells inside of names.
    return csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)


def _cells(row: dict) -> list:
    status = row.get("status", "skipped") if "reason" in row else row["decision"]
    levels = {**row.get("findings", {}), "strongest": row.get("strongest")}
    words = {name: level.words for name, level in levels.items() if level is not None}
    values = {**row, "strongest": None, **words, "status": status, "techniques": " ".join(row.get("techniques", ()))}
    cells = (values.get(column) for column in COLUMNS)
    return ["" if cell is None else harmless(cell) for cell in cells]


def harmless(value):
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA and value else value


def _plain(cell: str) -> str:
    """What :func:`harmless` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA and len(cell) > 1 else cell
