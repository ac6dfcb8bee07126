"""Comparing any number of files: what ``constrained-rcnn compare`` does."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np

from ... import __version__
from ...images.reading import MAX_PIXELS, load_image
from ...images.reading_notes import reading_line
from ...matching.image_pairs import Described, Shared, compare, describe
from ...matching.similarity import reduced
from ...utils.errors import OutputError, UserError
from ...utils.files import printable, write_bytes_atomic, write_jpeg_atomic, write_json_atomic, write_png_atomic
from ...utils.journal import Journal
from ...utils.output_folder import output_folder, raise_output_error, staged
from ...utils.provenance import now, versions
from ...visualization.html.page import remove_other_pages
from ...visualization.image_pairs import draw_pair, mask_of
from ..files import check_output, read_bytes, reason
from ..image_pages import FIRST, Item, items_of
from ..inputs import Inputs, find_inputs, safe_stem
from ..progress import progress_bar
from .earlier import Earlier
from .page import write_page
from .table import ALTERED, PART, RELATIONS, SAME, SAME_FILE, order, table

#: What is known of pairs, so that an interrupted run can go on; and the folder of the pairs' files.
JOURNAL, PAIRS = "compared.jsonl", "pairs"
#: Of ``pairs.json``, see ``schema/pairs-1.json``.
SCHEMA_VERSION = 1
#: What the names of a pair's files end in.
KINDS = (".jpg", "_first.png", "_second.png")


def run(
    inputs: list[str],
    output: str,
    *,
    against: list[str] | None = None,
    resume: bool = False,
    pages: str = FIRST,
) -> int:
    """Compares every input with every other, or with every image of an archive.

    Writes ``pairs.html``, ``pairs.csv`` and ``pairs.json``, and of each pair that has something in common
    ``pairs/<name>.jpg`` and the masks ``pairs/<name>_first.png`` and ``_second.png`` (0 not shared, 128 shared, 255
    altered; of the images' own sizes). Pairs of other files, found by earlier runs into the same folder, stay in all
    of them; every file is replaced only by a complete new one.

    Args:
        inputs: see :func:`..inputs.find_inputs`; ``output`` inside of a folder is passed over.
        output: folder for the results, made if it is not there.
        against: the same for the archive; the input is the first of each pair then. None: the inputs are compared with
            each other.
        resume: do not compare again what earlier runs in the same folder have compared.
        pages: of files with several pages or frames, ``"first"`` or ``"all"``.

    Returns:
        0, or 1 if any file was skipped; each is listed with its reason at the end, as are files in folders that are no
        images.

    Raises:
        UserError: too few files, inputs in the output folder, or another run at work there.
        OutputError: an output cannot be written. Table and page of what was compared are, if they can be.
        KeyboardInterrupt: after table and page of what was compared have been written.
    """
    folder = Path(output)
    some = [find_inputs(given, exclude=[folder]) for given in (inputs, against or [])]
    for given, found in zip((inputs, against), some):
        if given is not None and not found.files:
            raise UserError(f"{' '.join(map(printable, given))}: no image found there{found.why_none()}; give files, "
                            "folders or patterns")  # fmt: skip
    items, archive = (items_of(found.files, pages, max_pixels=MAX_PIXELS) for found in some)
    if against is None and len(items) < 2:
        raise UserError(f"{items[0]}: nothing to compare this one image with; give more, or --against")
    check_output(folder, [*some[0].files, *some[1].files], [PAIRS])
    with output_folder(folder, parts=[PAIRS]):
        earlier = Earlier(folder / "pairs.json", RELATIONS)
        with Journal(folder / JOURNAL, f"constrained_rcnn {__version__}, pairs") as journal:
            work = Comparisons(folder, journal, resume)
            return _run(items, archive, some[0] + some[1], folder, work, earlier)


def _run(
    items: list[Item], archive: list[Item], found: Inputs, folder: Path, work: Comparisons, earlier: Earlier
) -> int:  # fmt: skip
    """The part of :func:`run` for which the output folder is claimed."""
    for file, why in found.lost:
        work.skip(file, why)
    stopped = None
    try:
        every = list({_resolved(item): item for item in [*archive, *items]}.items())
        read = {key: work.read(item) for key, item in progress_bar(every, unit="image", desc="reading")}
        rows, columns = (
            [read[key] for key in dict.fromkeys(map(_resolved, some)) if read[key]] for some in (items, archive)
        )
        work.compare_all(_rows(rows, columns if archive else None), swapped=bool(archive))
    except (KeyboardInterrupt, OutputError) as error:
        stopped = error
    pairs = sorted([*work.pairs, *earlier.others(work.done)], key=order)
    skipped = [*work.skipped, *earlier.skipped_others(work.skipped, work.names)]
    about = {
        "schema_version": SCHEMA_VERSION,
        "time": now(),
        "versions": versions(("numpy", "PIL", "cv2")),
        "finished": stopped is None,
    }
    try:
        with staged(folder) as stage:
            content = {"pairs": pairs, "skipped": skipped, "left_out": found.left_out, "reading": work.readings}
            write_json_atomic(stage / "pairs.json", {**about, **content}, indent=2)
            write_bytes_atomic(stage / "pairs.csv", table(pairs, skipped, found.left_out))
            pages = write_page(stage, pairs, skipped, about, images=work.number, compared=len(work.done),
                               earlier=len(pairs) - len(work.pairs), left_out=found.left_out)  # fmt: skip
        remove_other_pages(folder, "pairs", len(pages))
        _remove(folder, earlier.names - {pair["name"] for pair in pairs})
    except OutputError as error:
        stopped = stopped or error
    others = f", {len(pairs) - len(work.pairs)} more found by earlier runs" if len(pairs) > len(work.pairs) else ""
    print(f"{work.number} images, {len(work.done)} pairs compared, {len(work.pairs)} of them with something in common"
          f"{others}, {len(work.skipped)} skipped; see pairs.html in {printable(folder)}")  # fmt: skip
    for entry in work.skipped:
        print(f"skipped: {entry['file']}: {entry['reason']}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
    if stopped is not None:
        raise stopped
    return 1 if work.skipped else 0


def _resolved(item: Item) -> tuple[Path, int | None]:
    return item.file.resolve(), item.page


def _rows(rows: list[_File], columns: list[_File] | None) -> list[tuple[_File, list[_File]]]:
    """What each image is compared with: those before it or, with an archive, its ``columns``. Each pair once."""
    if columns is None:
        return [(row, rows[:number]) for number, row in enumerate(rows)]
    made, both, done = [], set(columns), set()
    for row in rows:
        before = done if row in both else ()
        made.append((row, [one for one in columns if one is not row and one not in before]))
        done.add(row)
    return made


@dataclass(frozen=True, eq=False)
class _File:
    """What could be read: a file or page, the SHA-256 of the file's content, what of it is compared, and the line that
    says how it was read."""

    item: Item
    sha256: str
    described: Described
    reading: str

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

    def read(self, item: Item) -> _File | None:
        try:
            data = read_bytes(item.file)
            digest = hashlib.sha256(data).hexdigest()
            pixels, reading = load_image(data, "BGR", page=item.page)
            described = describe(pixels, partial(_again, item, digest))
            if not described.comparable:
                raise UserError("too small, or too little texture, to be compared")
        except Exception as error:  # whatever one file does, the rest go on
            self.skip(item, reason(error, item.file))
            return None
        self.number += 1
        self.names.add(str(item))
        if reading.changes:
            self.readings[str(item)] = {"sha256": digest, **reading.to_json()}
        return _File(item, digest, described, reading_line(reading.to_json()))

    def compare_all(self, rows: list[tuple[_File, list[_File]]], *, swapped: bool) -> None:
        """Compares each row's image with its others; ``swapped``: the row's is the first of each pair."""
        if not self._resume:
            self._journal.forget()
        pairs = [(row, one) if swapped else (one, row) for row, others in rows for one in others]
        with progress_bar(total=len(pairs), unit="pair", desc="comparing") as progress:
            for pair in pairs:
                key = "".join(one.key for one in pair)
                known = self._journal.get(key)
                if key in self._journal and (known is None or self._written(known)):
                    self._add(pair, known)
                    progress.unpause()
                else:
                    self.compare_pair(pair, key)
                progress.update()

    def compare_pair(self, pair: tuple[_File, _File], key: str) -> None:
        """Compares two images and adds what was found, to the journal by ``key``."""
        try:
            record = self._compared(*pair)
        except Exception as error:
            raise_output_error(error, self._folder)
            self.skip(" and ".join(str(one.item) for one in pair), reason(error, pair[0].item.file))
            return
        self._add(pair, record)
        self._journal.add(key, record)

    def _add(self, pair: tuple[_File, _File], record: dict | None) -> None:
        self.pairs += [record] if record else []
        self.done.add(frozenset(str(one.item) for one in pair))

    def _compared(self, first: _File, second: _File) -> dict | None:
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


@lru_cache(4)
def _again(item: Item, digest: str) -> np.ndarray:
    """An image, reduced: of few, and those small, the pixels are kept."""
    data = read_bytes(item.file)
    if hashlib.sha256(data).hexdigest() != digest:
        raise UserError(f"{printable(item.file)} changed while it was compared")
    return reduced(load_image(data, "BGR", page=item.page).pixels)


def _name(first: _File, second: _File) -> str:
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


def _remove(folder: Path, names: set) -> None:
    """Removes the files of pairs that an earlier run found, and this one, which compared them again, did not."""
    for name in names:
        if name and Path(name).name == name:
            for kind in KINDS:
                (folder / PAIRS / f"{name}{kind}").unlink(missing_ok=True)
