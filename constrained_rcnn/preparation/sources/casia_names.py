"""File names of CASIA TIDE v1 and v2, and which ground-truth mask of Pham et al. belongs to which image.

Tampered images are called ``<Sp|Tp>_<D|S>_<letters>_..._<id1>_<id2>_<number>``: D of two images (splice), S
of one (copy-move), an id like ``sec0012`` for the authentic ``Au_sec_0012.jpg``. The names on disk have
mistakes that the masks' names have not; the masks came with a spreadsheet of corrections that knows some of
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from . import without_ending

_TAMPERED = re.compile(r"(Sp|Tp)_([DS])_(.+?)_([a-z]{3}\d{4,5})_([a-z]{3}\d{4,5})[._](\d{4,5})", re.IGNORECASE)
_AUTHENTIC = re.compile(r"Au_([a-z]{3})_(\d{4,5})", re.IGNORECASE)
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
    method: str


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
        corrections: stem on disk -> corrected stem (``casia_corrections.read_corrections``).
        confirm: (image, mask, the mask's name) -> whether the pixels say that they belong together; asked for
            typos only.

    Returns:
        Image -> match, for the images that have one.
    """
    images = sorted(images, key=lambda path: path.as_posix())
    free = {without_ending(path.stem): path for path in sorted(masks, key=lambda path: path.as_posix())}
    names = {stem: parse_tampered(stem) for stem in free}
    stem_of: dict[TamperedName | None, str] = {name: stem for stem, name in names.items() if name}
    matches: dict[Path, Match] = {}

    def take(image: Path, stem: str | None, method: str) -> None:
        if image not in matches and stem in free:
            matches[image] = Match(free.pop(stem), names[stem], method)

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
        if image in matches or name is None:
            continue
        named = [(stem, other) for stem in free if (other := names[stem])]
        for steps, stem, other in sorted((distance(name.text, other.text), stem, other) for stem, other in named):
            if steps > TYPO_DISTANCE:
                break
            if confirm(image, free[stem], other):
                take(image, stem, "typo")
                break
    return matches


def distance(first: str, second: str) -> int:
    """Edits from one string to the other: insert, delete, replace, swap two neighbours (each counts 1)."""
    row_before_last: list[int] = []
    last_row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        row = [i]
        for j, b in enumerate(second, start=1):
            best = min(last_row[j] + 1, row[j - 1] + 1, last_row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and b == first[i - 2]:
                best = min(best, row_before_last[j - 2] + 1)
            row.append(best)
        row_before_last, last_row = last_row, row
    return last_row[-1]
