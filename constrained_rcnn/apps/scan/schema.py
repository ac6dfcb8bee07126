"""The columns of the table: those of ``detect``'s results.csv, with types."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pyarrow

from ..detect.table import row_of

_TEXT, _REAL, _COUNT = pyarrow.string(), pyarrow.float64(), pyarrow.int32()
SCHEMA = pyarrow.schema(
    [
        pyarrow.field("file", _TEXT, nullable=False),
        pyarrow.field("status", _TEXT, nullable=False),
        ("score", _REAL),
        ("threshold", _REAL),
        ("one_in", _REAL),
        ("kind", _TEXT),
        ("covered", _REAL),
        ("techniques", pyarrow.list_(_TEXT)),
        ("regions", _COUNT),
        ("repeats", _COUNT),
        ("width", _COUNT),
        ("height", _COUNT),
        ("sha256", _TEXT),
        ("time", pyarrow.timestamp("ms", "UTC")),
        ("reason", _TEXT),
        ("weights_sha256", _TEXT),
        ("config_sha256", _TEXT),
        ("reading", _TEXT),
        ("format", _TEXT),
        ("bytes", pyarrow.int64()),
        ("camera", _TEXT),
        ("versions", _TEXT),
    ]
)
#: Status of a file without a result; its row has a reason.
SKIPPED = "skipped"


def result_row(record: dict) -> dict:
    """A row of an image's JSON record, see :func:`..detect.table.row_of`; JSON values, empty text is None."""
    row = row_of(record)
    row["status"] = row["decision"]
    return {name: None if row.get(name) == "" else row.get(name) for name in SCHEMA.names}


def bad_row(file: str, reason: str, about: dict, sha256: str | None, time: str) -> dict:
    """A row of a file without a result.

    Args:
        file: safe to print.
        reason: on one line.
        about: see :func:`..detect.network.about_of`.
        sha256: of the file, if it can be read.
        time: ISO 8601, UTC.
    """
    known = {"file": file, "status": SKIPPED, "reason": reason, "sha256": sha256, "time": time}
    known |= {"weights_sha256": about["weights"]["sha256"], "config_sha256": about["config_sha256"]}
    return {name: known.get(name) for name in SCHEMA.names}


def to_table(rows: Sequence[dict]) -> pyarrow.Table:
    """Rows as a table of ``SCHEMA``."""
    timed = [{**row, "time": datetime.datetime.fromisoformat(row["time"])} for row in rows]
    return pyarrow.Table.from_pylist(timed, schema=SCHEMA)
