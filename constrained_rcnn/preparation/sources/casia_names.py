"""File names of CASIA TIDE v1 and v2, and which ground-truth mask of Pham et al. belongs to which image.

Tampered images are called ``<Sp|Tp>_<D|S>_<letters>_..._<id1>_<id2>_<number>``: D of two pictures (splice), S
of one (copy-move), an id like ``sec0012`` for the authentic ``Au_sec_0012.jpg``. The names on disk have
mistakes that the masks' names have not; the masks came with a spreadsheet of corrections that knows some of
them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from constrained_rcnn.preparation.sources import without_ending
from constrained_rcnn.utils.errors import UserError

_TAMPERED = re.compile(r"(Sp|Tp)_([DS])_(.+?)_([a-z]{3}\d{4,5})_([a-z]{3}\d{4,5})[._](\d{4,5})", re.IGNORECASE)
_AUTHENTIC = re.compile(r"Au_([a-z]{3})_(\d{4,5})", re.IGNORECASE)
_HEADINGS = ("original file name", "corrected file name")
#: A wrong name and the right one are at most so many changes of a letter apart (swapped neighbours are one).
TYPO_DISTANCE = 2


@dataclass(frozen=True)
class TamperedName:
    """The parts of a tampered image's name: ``letters`` may hold underscores, ``number`` is not unique."""

    set: str
    kind: str
    letters: str
    first: str
    second: str
    number: str

    @property
    def text(self) -> str:
        return "_".join((self.set, self.kind, self.letters, self.first, self.second, self.number))


def parse_tampered(stem: str) -> TamperedName | None:
    """Parts of a stem (without ``_gt``), ``.`` before the number taken for ``_``; None if not of the form."""
    match = _TAMPERED.fullmatch(stem)
    if match is None:
        return None
    set_, kind, letters, first, second, number = match.groups()
    return TamperedName(set_.title(), kind.upper(), letters.upper(), first.lower(), second.lower(), number)


def authentic_id(stem: str) -> str | None:
    """``Au_sec_0012`` -> ``sec0012``; None if not of the form."""
    match = _AUTHENTIC.fullmatch(stem)
    return (match[1] + match[2]).lower() if match else None


@dataclass(frozen=True)
class Match:
    """The mask of an image and how it was found: ``exact``, ``spreadsheet``, ``swapped ids`` or ``typo``."""

    mask: Path
    name: TamperedName | None
    how: str


def match_masks(
    images: Iterable[Path],
    masks: Iterable[Path],
    corrections: Mapping[str, str],
    confirm: Callable[[Path, Path, TamperedName], bool],
) -> dict[Path, Match]:
    """Finds each image's mask; no mask serves two images.

    Args:
        images: tampered images.
        masks: ``*_gt.png`` files.
        corrections: stem on disk -> corrected stem (``read_corrections``).
        confirm: (image, mask, the mask's name) -> whether the pixels say that they belong together; asked for
            typos only.

    Returns:
        Image -> match, for the images that have one.
    """
    images = sorted(images, key=lambda path: path.as_posix())
    free = {without_ending(path.stem): path for path in sorted(masks, key=lambda path: path.as_posix())}
    names = {stem: parse_tampered(stem) for stem in free}
    stem_of = {name: stem for stem, name in names.items() if name}
    found: dict[Path, Match] = {}

    def take(image: Path, stem: str | None, how: str) -> None:
        if image not in found and stem in free:
            found[image] = Match(free.pop(stem), names[stem], how)

    # The surest way for all images first, so that a guess never takes a mask that has its owner.
    for image in images:
        take(image, image.stem, "exact")
        take(image, stem_of.get(parse_tampered(image.stem)), "exact")
    for image in images:
        corrected = corrections.get(image.stem)
        take(image, corrected, "spreadsheet")
        if corrected:
            take(image, stem_of.get(parse_tampered(corrected)), "spreadsheet")
    for image in images:
        name = parse_tampered(image.stem)
        if name:
            take(image, stem_of.get(replace(name, first=name.second, second=name.first)), "swapped ids")
    for image in images:
        name = parse_tampered(image.stem)
        if image in found or name is None:
            continue
        near = sorted((distance(name.text, names[stem].text), stem) for stem in free if names[stem])
        for steps, stem in near:
            if steps > TYPO_DISTANCE:
                break
            if confirm(image, free[stem], names[stem]):
                take(image, stem, "typo")
                break
    return found


def distance(one: str, other: str) -> int:
    """Edits from one string to the other: insert, delete, replace, swap two neighbours (each counts 1)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def read_corrections(path: Path) -> dict[str, str]:
    """Reads ``FileNameCorrection.xlsx``: stem on disk -> corrected stem.

    Only two columns of text are needed, so the workbook (a zip of XML) is read without a library for it. Without
    the headings of version 1's sheet, the first two file names of a row count.

    Raises:
        UserError: not such a workbook, or without the two headings.
    """
    try:
        with zipfile.ZipFile(path) as book:
            parts = set(book.namelist())
            shared = []
            if "xl/sharedStrings.xml" in parts:
                strings = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
                shared = [_text(item) for item in strings if _tag(item) == "si"]
            sheet = min(part for part in parts if part.startswith("xl/worksheets/sheet"))
            rows = [_row(row, shared) for row in ElementTree.fromstring(book.read(sheet)).iter() if _tag(row) == "row"]
    except (OSError, zipfile.BadZipFile, ElementTree.ParseError, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as an Excel workbook ({error}); fetch it again") from None
    heading = {text.strip().lower(): column for row in rows[:1] for column, text in row.items()}
    if all(name in heading for name in _HEADINGS):
        pairs = [[row.get(heading[name], "").strip() for name in _HEADINGS] for row in rows[1:]]
    else:  # version 2's sheet may be laid out otherwise: names are known by their form
        pairs = [[text.strip() for text in row.values() if parse_tampered(Path(text.strip()).stem)] for row in rows]
        if not any(len(pair) > 1 for pair in pairs):
            raise UserError(f"{path}: no columns 'Original file name' and 'Corrected file name' in its first row")
    return {Path(pair[0]).stem: Path(pair[1]).stem for pair in pairs if len(pair) > 1 and all(pair[:2])}


def _row(row: ElementTree.Element, shared: list[str]) -> dict[str, str]:
    cells = {}
    for cell in row:
        column = "".join(letter for letter in cell.get("r", "") if letter.isalpha())
        value = next((child for child in cell if _tag(child) == "v"), None)
        if cell.get("t") == "s" and value is not None:
            cells[column] = shared[int(value.text)]
        elif cell.get("t") == "inlineStr":
            cells[column] = _text(cell)
        elif value is not None and value.text:
            cells[column] = value.text
    return cells


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element) -> str:
    return "".join(child.text or "" for child in element.iter() if _tag(child) == "t")
