"""What a long run has done so far, kept on disk so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from constrained_rcnn.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: two runs at once are then not told apart
    fcntl = None


class Journal:
    """Records by key in an append-only file, one JSON line each; a context manager.

    The first line is the fingerprint of the inputs: a journal of other inputs is begun anew. A last line that
        was cut off by a kill is ignored. While a process has the journal open, no other one can (the lock
        ends with the process).

    Attributes:
        found: number of records that an earlier run had left.
    """

    def __init__(self, path: Path, fingerprint: str):
        self.path = path
        self.fingerprint = fingerprint
        self.found = 0
        self._records: dict[str, Any] = {}

    def __enter__(self) -> Journal:
        self._file = open(self.path, "a+", encoding="utf-8")
        if fcntl:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._file.close()
                raise UserError(f"{self.path}: another run is preparing this data set; wait for it") from None
        self._file.seek(0)
        text = self._file.read()
        rows = text.split("\n")[:-1]  # what follows the last line break was cut off
        if rows and rows[0] == self.fingerprint:
            self._records = dict(json.loads(row) for row in rows[1:])
            self.found = len(self._records)
            self._file.truncate(len("".join(row + "\n" for row in rows).encode("utf-8")))
        else:
            self._file.truncate(0)
            self._file.write(self.fingerprint + "\n")
            self._file.flush()
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def get(self, key: str) -> Any | None:
        """The record of ``key`` that an earlier run left, or None."""
        return self._records.get(key)

    def add(self, key: str, record: Any) -> None:
        """Appends a record (JSON values)."""
        self._file.write(json.dumps([key, record], separators=(",", ":")) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Deletes the file: the run is complete."""
        os.unlink(self.path)
