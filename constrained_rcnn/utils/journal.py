"""What a long run has done so far, kept on disk so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .files import append, output_error, printable
from .locks import open_locked


class Journal:
    """Records by key in an append-only file, one JSON line each; a context manager.

    The first line is the fingerprint of the inputs: a journal of other inputs is begun anew. A last line that
    was cut off by a kill is removed, a damaged one passed over. While a process has the journal open, no other one
    can (the lock ends with the process).

    Attributes:
        found: number of records that an earlier run had left.
    """

    def __init__(self, path: Path, fingerprint: str):
        """
        Args:
            path: of the file; its folder is there.
            fingerprint: a line of what the records depend on.
        """
        self.path = path
        self.fingerprint = fingerprint
        self.found = 0
        self._records: dict[Any, Any] = {}

    def __enter__(self) -> Journal:
        """
        Raises:
            UserError: another run has it.
            OutputError: it cannot be written.
        """
        try:
            self._file = open_locked(
                self.path,
                f"{printable(self.path.parent)}: another run is writing there ({self.path.name}); wait for it, or "
                "name another output",
            )
        except OSError as error:
            raise output_error(self.path, error) from None
        self._file.seek(0)
        lines = self._file.read().split(b"\n")[:-1]  # what follows the last line break was cut off
        if lines and lines[0] == self.fingerprint.encode():
            for line in lines[1:]:
                try:
                    key, record = json.loads(line)
                    self._records[key] = record
                except (ValueError, TypeError, RecursionError):
                    continue
            self.found = len(self._records)
            self._file.truncate(sum(len(line) + 1 for line in lines))
        else:
            self._begin()
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def __contains__(self, key: Any) -> bool:
        return key in self._records

    def get(self, key: Any) -> Any | None:
        """The record of ``key`` that an earlier run left, or None."""
        return self._records.get(key)

    def add(self, key: Any, record: Any) -> None:
        """Appends a record (key and record are JSON values).

        Raises:
            OutputError: it cannot be written; the file is as it was.
        """
        self._append(json.dumps([key, record], separators=(",", ":")))

    def forget(self) -> None:
        """Begins anew, without the records of earlier runs."""
        self._records, self.found = {}, 0
        self._begin()

    def remove(self) -> None:
        """Deletes the file: the run is complete."""
        os.unlink(self.path)

    def _begin(self) -> None:
        self._file.truncate(0)
        self._append(self.fingerprint)

    def _append(self, line: str) -> None:
        append(self._file, self.path, (line + "\n").encode())
