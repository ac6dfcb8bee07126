"""What an index consists of: its parameters, segments and images, in one SQLite file.

A change of the index is one transaction, so that a process killed at any moment leaves the index as it was before or
after. Files that the manifest does not name are leftovers.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ...utils.errors import OutputError, UserError
from ...utils.files import printable
from ..image_pairs import KEYPOINTS
from ..similarity import WORKING_SIDE
from . import codebook
from .segments import SegmentRecord

FILE = "manifest.sqlite"
#: Of the manifest and the segments; other numbers are refused.
FORMAT = 1
#: How long one process waits for another's transaction, seconds.
_WAIT = 30.0
_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE segments (id INTEGER PRIMARY KEY, images INTEGER, row_count INTEGER, size INTEGER, head_sha256 TEXT,
                       sha256 TEXT);
CREATE TABLE images (id INTEGER PRIMARY KEY, segment INTEGER, sha256 TEXT, page INTEGER);
CREATE INDEX images_by_content ON images (sha256, page);
CREATE INDEX images_by_segment ON images (segment);
CREATE TABLE places (path BLOB, page INTEGER, image INTEGER, size INTEGER, mtime INTEGER, reason TEXT,
                     PRIMARY KEY (path, page)) WITHOUT ROWID;
CREATE INDEX places_by_image ON places (image);
"""


class Place(NamedTuple):
    """A file of the archive, or a page of it.

    Attributes:
        path: absolute.
        page: from 1; 0: the file's first or only one.
        image: number of its image in the index; None: it could not be indexed.
        size, mtime: of the file when it was read; bytes, nanoseconds.
        reason: why it could not be indexed; "" where it was.
    """

    path: Path
    page: int
    image: int | None
    size: int
    mtime: int
    reason: str = ""


class NewImage(NamedTuple):
    """An image that a segment holds: its number, the SHA-256 of the file and the page, as in ``Place``."""

    id: int
    sha256: str
    page: int


def parameters() -> dict[str, Any]:
    """What every index depends on: one that was built with others cannot be searched or added to."""
    return {
        "format": FORMAT,
        "codebook": codebook.digest(),
        "keypoints": KEYPOINTS,
        "working_side": WORKING_SIDE,
    }


class Manifest:
    """An open manifest; a context manager.

    Attributes:
        settings: ``parameters()``, and what else was given when the index was made.
    """

    def __init__(self, folder: Path, settings: dict[str, Any] | None = None):
        """
        Args:
            folder: of the index.
            settings: to write, and to make a new manifest with where there is none; None: only to read, or to add to.

        Raises:
            UserError: there is none, it is damaged, or it was made with other settings.
            OutputError: it cannot be written.
        """
        self._path = folder / FILE
        if settings is None and not self._path.is_file():
            raise UserError(f"{printable(folder)}: holds no index; make one by `constrained-rcnn index build`")
        with self._told():
            self._connection = sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None)
            self._begin(settings)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def segments(self) -> list[SegmentRecord]:
        """Of all segments, oldest first."""
        with self._told():
            return [SegmentRecord(*row) for row in self._connection.execute("SELECT * FROM segments ORDER BY id")]

    def counts(self) -> dict[str, int]:
        """``images``, ``files`` that are in the index, and ``skipped`` files."""
        with self._told():
            return {
                "images": self._one("SELECT COUNT(*) FROM images"),
                "files": self._one("SELECT COUNT(*) FROM places WHERE image IS NOT NULL"),
                "skipped": self._one("SELECT COUNT(*) FROM places WHERE image IS NULL"),
            }

    def next_image(self) -> int:
        """The number of the next new image; that of no image ever is used again."""
        with self._told():
            return self._one("SELECT value FROM settings WHERE name = 'next_image'", int)

    def next_segment(self) -> int:
        """The number of the next segment."""
        with self._told():
            return self._one("SELECT COALESCE(MAX(id), 0) + 1 FROM segments")

    def place(self, path: Path, page: int) -> Place | None:
        """What is known of a file."""
        with self._told():
            row = self._connection.execute(
                "SELECT * FROM places WHERE path = ? AND page = ?", (os.fsencode(path), page)
            ).fetchone()
        return _place(row) if row else None

    def image(self, sha256: str, page: int) -> int | None:
        """The number of the image with this content."""
        with self._told():
            return self._one("SELECT MIN(id) FROM images WHERE sha256 = ? AND page = ?", None, sha256, page)

    def places_of(self, image: int) -> list[Place]:
        """The files that show an image, and whose content is the same."""
        with self._told():
            rows = self._connection.execute("SELECT * FROM places WHERE image = ? ORDER BY path, page", (image,))
            return [_place(row) for row in rows.fetchall()]

    def sha256_of(self, image: int) -> str:
        """SHA-256 of an image's file; "" for a number that no image has."""
        with self._told():
            return self._one("SELECT sha256 FROM images WHERE id = ?", None, image) or ""

    def skipped(self) -> Iterator[Place]:
        """Files that could not be indexed."""
        with self._told():
            for row in self._connection.execute("SELECT * FROM places WHERE image IS NULL ORDER BY path, page"):
                yield _place(row)

    def commit(
        self, places: Iterable[Place], images: Iterable[NewImage] = (), segment: SegmentRecord | None = None
    ) -> None:  # fmt: skip
        """Adds a segment, its images, and files; all of it or nothing.

        Raises:
            OutputError: it cannot be written.
        """
        new = list(images)
        with self._transaction() as execute:
            if segment is not None:
                execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)", segment)
                for image in new:
                    execute("INSERT INTO images VALUES (?, ?, ?, ?)", (image.id, segment.id, image.sha256, image.page))
            if new:
                execute("UPDATE settings SET value = ? WHERE name = 'next_image'", (str(new[-1].id + 1),))
            for place in places:
                execute(
                    "INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?)", (os.fsencode(place.path), *place[1:])
                )

    def replace(self, old: list[SegmentRecord], new: SegmentRecord) -> None:
        """Puts one segment in the place of several whose images it holds."""
        with self._transaction() as execute:
            execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)", new)
            for segment in old:
                execute("UPDATE images SET segment = ? WHERE segment = ?", (new.id, segment.id))
                execute("DELETE FROM segments WHERE id = ?", (segment.id,))

    def forget(self, segment: SegmentRecord) -> None:
        """Takes a segment, its images and their files out of the index."""
        with self._transaction() as execute:
            execute("DELETE FROM places WHERE image IN (SELECT id FROM images WHERE segment = ?)", (segment.id,))
            execute("DELETE FROM images WHERE segment = ?", (segment.id,))
            execute("DELETE FROM segments WHERE id = ?", (segment.id,))

    def _begin(self, settings: dict[str, Any] | None) -> None:
        if not self._one("SELECT COUNT(*) FROM sqlite_master"):
            if settings is None:
                raise sqlite3.DatabaseError("it is empty")
            with self._transaction() as execute:
                for statement in _TABLES.split(";"):
                    execute(statement)
                stored = {"settings": {**parameters(), **settings}, "next_image": 0}
                for name, value in stored.items():
                    execute("INSERT INTO settings VALUES (?, ?)", (name, json.dumps(value)))
        self.settings = json.loads(self._one("SELECT value FROM settings WHERE name = 'settings'", str))
        for name, wanted in {**parameters(), **(settings or {})}.items():
            if self.settings.get(name) != wanted:
                raise UserError(
                    f"{printable(self._path)}: was built with {name} {self.settings.get(name)}, not {wanted}; build a "
                    "new index, or use the version of this package that built it"
                )

    def _one(self, query: str, kind: Any = None, *values: Any) -> Any:
        row = self._connection.execute(query, values).fetchone()
        if kind is not None and row is None:
            raise sqlite3.DatabaseError("an entry is missing")
        return kind(row[0]) if kind is not None else row[0] if row else None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection.execute
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            line = f"{printable(self._path)}: cannot be written: {error}; correct that, then run it again"
            raise OutputError(line) from None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Says in one line that the file is no manifest, or cannot be read."""
        try:
            yield
        except UserError:
            raise
        except (sqlite3.Error, ValueError, TypeError) as error:
            if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
                raise UserError(f"{printable(self._path)}: cannot be read: {error}; try it again") from None
            line = f"{printable(self._path)}: is damaged, or no manifest of an index ({error}); build a new index"
            raise UserError(line) from None


def _place(row: tuple) -> Place:
    return Place(Path(os.fsdecode(row[0])), *row[1:])
