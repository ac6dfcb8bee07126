"""The files of a scan, fixed when it begins, and how they are shared out to shards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet

from ...utils.errors import UserError
from ...utils.files import atomic_file, printable

#: Name of the manifest in the output folder: Parquet with a column ``path`` (bytes), one row group a shard.
MANIFEST = "manifest.parquet"
#: Folder of the finished shards, which is the table of results.
RESULTS = "results"


def list_digest(files: Sequence[bytes]) -> str:
    """The SHA-256 of a list of files, hexadecimal: of their paths in their order."""
    return hashlib.sha256(b"\0".join(files)).hexdigest()


def write_manifest(folder: Path, files: Sequence[bytes], shard_files: int) -> None:
    """Writes the manifest; ``shard_files`` files make a shard, the last one has the rest."""
    table = pyarrow.table({"path": pyarrow.array(files, pyarrow.binary())})
    with atomic_file(folder / MANIFEST) as file:
        pyarrow.parquet.write_table(table, file, row_group_size=shard_files)


class Manifest:
    """Attributes: files: how many. shards: how many."""

    def __init__(self, folder: Path):
        """
        Raises:
            UserError: there is none, or it is damaged.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise UserError(f"--output {printable(folder)}: holds no scan to go on with; give --input or --list")
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (pyarrow.ArrowException, OSError):
            raise UserError(f"{printable(path)}: is damaged; give another --output") from None
        self.files = self._file.metadata.num_rows
        self.shards = self._file.num_row_groups

    def size(self, shard: int) -> int:
        """How many files a shard has."""
        return self._file.metadata.row_group(shard).num_rows

    def paths(self, shard: int) -> list[bytes]:
        """The files of a shard."""
        return self._file.read_row_group(shard).column("path").to_pylist()


def shard_file(folder: Path, shard: int) -> Path:
    """Where a finished shard's rows are; there is no such file before all are there."""
    return folder / RESULTS / f"shard-{shard:07d}.parquet"


def missing_shards(folder: Path, shards: int) -> list[int]:
    """The numbers of the shards that are not finished."""
    there = {path.name for path in (folder / RESULTS).glob("shard-*.parquet")}
    return [number for number in range(shards) if shard_file(folder, number).name not in there]
