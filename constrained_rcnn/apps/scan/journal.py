"""What the workers of one shard have begun and finished, so that one that dies costs the file in its hands and no more.

A journal is a text file with a JSON value on each line, to which each worker in turn appends. It is there from a
shard's beginning until its Parquet file is there.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from ...utils.files import append, output_error

#: Folder of the journals.
JOURNALS = "journals"


class Journal:
    """A context manager that keeps the file open.

    Attributes:
        rows: place of a finished file in its shard -> its row.
        deaths: place of a file -> how often a worker of this run died over it.
        failed_starts: how many workers of this run came to this shard, one after another, and died before any file.
    """

    def __init__(self, folder: Path, shard: int, run: str):
        """
        Args:
            folder: of the scan.
            shard: its number.
            run: a name of this run: what other runs began and did not finish, somebody may have stopped.
        """
        self.path = folder / JOURNALS / f"shard-{shard:07d}.jsonl"
        self.rows: dict[int, dict] = {}
        self.deaths: Counter[int] = Counter()
        self.failed_starts = 0
        self._run = run
        self._read()

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab", buffering=0)
        except OSError as error:
            raise output_error(self.path, error) from None
        return self

    def __exit__(self, *error) -> None:
        self._file.close()

    def start(self) -> None:
        """Notes that a worker takes the shard in hand."""
        # A line break first: a worker that was killed may have left half a line.
        self._note({"start": self._run}, before=b"\n")

    def begin(self, place: int) -> None:
        """Notes that a file is begun."""
        self._note({"begin": place, "run": self._run})

    def finish(self, place: int, row: dict) -> None:
        """Notes a file's row."""
        self.rows[place] = row
        self._note({"finish": place, "row": row})

    def remove(self) -> None:
        """Removes the file: its shard is finished."""
        self.path.unlink(missing_ok=True)

    def _note(self, entry: dict, before: bytes = b"") -> None:
        append(self._file, self.path, before + json.dumps(entry).encode() + b"\n")

    def _read(self) -> None:
        begun: Counter[int] = Counter()
        for line in self.path.read_bytes().splitlines() if self.path.is_file() else ():
            try:
                entry = json.loads(line)
            except ValueError:  # half a line, or the break before a start
                continue
            if "finish" in entry:
                self.rows.setdefault(entry["finish"], entry["row"])
                self.failed_starts = 0
            elif entry.get("run") == self._run:
                begun[entry["begin"]] += 1
                self.failed_starts = 0
            elif entry.get("start") == self._run:
                self.failed_starts += 1
        self.deaths = Counter({place: times for place, times in begun.items() if place not in self.rows})
