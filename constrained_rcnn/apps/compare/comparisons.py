"""Reading files and comparing pairs of them, whichever pairs a command chooses."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np

from ...images.reading import load_image
from ...images.reading_notes import reading_line
from ...matching.image_pairs import Described, Shared, compare, describe
from ...matching.similarity import reduced
from ...utils.errors import UserError
from ...utils.files import printable, write_jpeg_atomic, write_png_atomic
from ...utils.journal import Journal
from ...utils.output_folder import raise_output_error, staged
from ...visualization.image_pairs import draw_pair, mask_of
from ..files import read_bytes, reason
from ..image_pages import Item
from ..inputs import safe_stem
from ..progress import progress_bar
from .table import ALTERED, PART, SAME, SAME_FILE

#: The folder of the pairs' files, and what their names end in.
PAIRS = "pairs"
KINDS = (".jpg", "_first.png", "_second.png")


@dataclass(frozen=True, eq=False)
class File:
    """What could be read: a file or page, the SHA-256 of the file's content, what of it is compared, the line that says
    how it was read, and the same as JSON where the image was changed on the way in."""

    item: Item
    sha256: str
    described: Described
    reading: str
    changes: dict

    @cached_property
    def key(self) -> str:
        """What the journal knows it by: path and content, 64 bits."""
        return hashlib.sha256(os.fsencode(self.item.place) + b"\0" + self.sha256.encode()).hexdigest()[:16]


class Comparisons:
    """The work of a run. Every pair that was compared is in the journal.

    Attributes:
        pairs: records of those that have something in common.
        done: the (printable) names of every pair that was compared.
        skipped: ``{"file", "reason"}`` each.
        number, names: images read, and their printable names.
        readings: printable name -> what was done to the file on the way in, of those to which something was.
    """

    def __init__(self, folder: Path, journal: Journal, resume: bool):
        self.pairs: list[dict] = []
        self.done: set[frozenset[str]] = set()
        self.skipped: list[dict] = []
        self.number, self.names, self.readings = 0, set(), {}
        self._folder, self._journal, self._resume = folder, journal, resume

    def skip(self, file: Item | str, why: str) -> None:
        self.skipped.append({"file": str(file), "reason": why})

    def read(self, item: Item) -> File | None:
        return self.admit(item, load(item))

    def admit(self, item: Item, loaded: File | Exception) -> File | None:
        """Takes what :func:`load` gave: a file, or the reason why it is skipped."""
        if not isinstance(loaded, File):
            self.skip(item, reason(loaded, item.file))
            return None
        self.number += 1
        self.names.add(str(item))
        if loaded.changes:
            self.readings[str(item)] = loaded.changes
        return loaded

    def compare_all(self, rows: list[tuple[File, list[File]]], *, swapped: bool, bar: bool = True) -> None:
        """Compares each row's image with its others; ``swapped``: the row's is the first of each pair."""
        if not self._resume:
            self._journal.forget()
            self._resume = True  # what this run has compared is not forgotten when it compares more
        pairs = [(row, one) if swapped else (one, row) for row, others in rows for one in others]
        with progress_bar(total=len(pairs), unit="pair", desc="comparing", disable=not bar) as progress:
            for pair in pairs:
                key = "".join(one.key for one in pair)
                known = self._journal.get(key)
                if key in self._journal and (known is None or self._written(known)):
                    self._add(pair, known)
                    progress.unpause()
                else:
                    self.compare_pair(pair, key)
                progress.update()

    def compare_pair(self, pair: tuple[File, File], key: str) -> None:
        """Compares two images and adds what was found, to the journal by ``key``."""
        try:
            record = self._compared(*pair)
        except Exception as error:
            raise_output_error(error, self._folder)
            self.skip(" and ".join(str(one.item) for one in pair), reason(error, pair[0].item.file))
            return
        self._add(pair, record)
        self._journal.add(key, record)

    def _add(self, pair: tuple[File, File], record: dict | None) -> None:
        self.pairs += [record] if record else []
        self.done.add(frozenset(str(one.item) for one in pair))

    def _compared(self, first: File, second: File) -> dict | None:
        same_file = (first.sha256, first.item.page) == (second.sha256, second.item.page)
        shared = () if same_file else compare(first.described, second.described)
        if not shared and not same_file:
            return None
        record = {
            "first": str(first.item), "second": str(second.item), "relation": _relation(shared),
            "first_sha256": first.sha256, "second_sha256": second.sha256,
            "first_reading": first.reading, "second_reading": second.reading,
            "name": _name(first, second) if shared else None, "shared": [one.to_json() for one in shared],
        }  # fmt: skip
        if shared:
            image = draw_pair(first.described, second.described, shared)
            record |= {"width": image.shape[1], "height": image.shape[0]}
            with staged(self._folder) as stage:
                stem = f"{stage / PAIRS / record['name']}"
                for side, one in (("first", first), ("second", second)):
                    write_png_atomic(f"{stem}_{side}.png", mask_of(shared, side, one.described.size))
                write_jpeg_atomic(f"{stem}.jpg", image, 88)
        return record

    def _written(self, record: dict) -> bool:
        name = record.get("name")
        return not name or all((self._folder / PAIRS / f"{name}{kind}").is_file() for kind in KINDS)


def load(item: Item) -> File | Exception:
    """Reads a file, in any thread; whatever one file does, the rest go on."""
    try:
        data = read_bytes(item.file)
        digest = hashlib.sha256(data).hexdigest()
        pixels, reading = load_image(data, "BGR", page=item.page)
        described = describe(pixels, partial(_again, item, digest))
        if not described.comparable:
            raise UserError("too small, or too little texture, to be compared")
    except Exception as error:
        return error
    notes = reading.to_json()
    return File(item, digest, described, reading_line(notes), {"sha256": digest, **notes} if reading.changes else {})


@lru_cache(4)
def _again(item: Item, digest: str) -> np.ndarray:
    """An image, reduced: of few, and those small, the pixels are kept."""
    data = read_bytes(item.file)
    if hashlib.sha256(data).hexdigest() != digest:
        raise UserError(f"{printable(item.file)} changed while it was compared")
    return reduced(load_image(data, "BGR", page=item.page).pixels)


def _name(first: File, second: File) -> str:
    """Of a pair's files: both stems, made safe and short, and a digest of both paths."""
    places = "\0".join(str(one.item.place.absolute()) for one in (first, second))
    digest = hashlib.sha256(places.encode("utf-8", "surrogateescape"))
    stems = (safe_stem(one.item.place).encode()[:50].decode("utf-8", "ignore") for one in (first, second))
    return f"{'__'.join(stems)}-{digest.hexdigest()[:12]}"


def _relation(shared: tuple[Shared, ...]) -> str:
    versions = [one for one in shared if one.same_picture]
    if not shared:
        return SAME_FILE
    if not versions:
        return PART
    return ALTERED if any(one.first_altered.any() for one in versions) else SAME
