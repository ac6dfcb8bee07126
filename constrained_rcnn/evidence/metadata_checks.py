"""Checks of metadata that mean something: each returns what it found in words, with how much that says."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .exhibit import Exhibit
from .file_metadata import FileMetadata
from .finding import Level

#: One find: how much it says, and the sentence.
Found = tuple[Level, str]

#: Programs that change pixels at a person's wish. Phones' and cameras' firmware, and viewers, are not among them.
_EDITORS = re.compile(
    r"photoshop|lightroom|gimp|affinity|pixelmator|paint\.net|paintshop|photo ?pos|photoscape|picasa|snapseed|facetune|"
    r"picsart|canva|krita|capture one|luminar|darktable|rawtherapee|acdsee|photopea|meitu|faceapp|remini|vsco|pixlr|"
    r"fotor|polarr|inkscape|coreldraw|photo-paint|imagemagick",
    re.IGNORECASE,
)
#: Actions of an XMP history that do not change the image by themselves.
_HARMLESS_ACTIONS = {"saved", "created", "opened", "converted", "derived", "published", "printed"}
#: Dates may differ by time zones, and by clocks that are set on the way.
_TOLERANCE_SECONDS = 26 * 3600


def editing_software(metadata: FileMetadata) -> Found | None:
    named = sorted({name for name in metadata.software().values() if _EDITORS.search(name)})
    if not named:
        return None
    return Level.WEAK, f"The file names a program that edits: {', '.join(named[:3])}."


def editing_history(metadata: FileMetadata) -> Found | None:
    steps = metadata.xmp.history
    if not steps:
        return None
    other = sorted({step["action"] for step in steps if step.get("action") and step["action"] not in _HARMLESS_ACTIONS})
    more = f", among them {', '.join(other[:4])}" if other else ""
    return Level.WEAK, f"An editing history of {len(steps)} steps is in the file{more}."


def dates(metadata: FileMetadata) -> Found | None:
    """Dates that contradict one another: taken on two days, or changed before it was taken."""
    values, xmp, iptc = metadata.exif.values, metadata.xmp, metadata.iptc
    taken = {
        "EXIF": values.get("taken"),
        "XMP": xmp.first("DateCreated", "DateTimeOriginal"),
        "IPTC": _of_iptc(iptc),
        "GPS": metadata.exif.gps_date,
    }
    known = {name: date for name, text in taken.items() if (date := _date(text))}
    for (first, one), (second, other) in itertools.combinations(known.items(), 2):
        if _apart(one, other) > _TOLERANCE_SECONDS:
            days = f"{first} {one:%Y-%m-%d}, {second} {other:%Y-%m-%d}"
            return Level.WEAK, f"The file names different days of taking: {days}."
    start = next(iter(known.values()), None)
    changed = {
        "EXIF says it was last changed": values.get("modified"),
        "EXIF says it was digitised": values.get("digitized"),
        "XMP says it was last changed": xmp.first("ModifyDate"),
    }
    for words, text in changed.items():
        date = _date(text)
        if start and date and (start - date).total_seconds() > _TOLERANCE_SECONDS:
            return Level.WEAK, f"{words} on {date:%Y-%m-%d}, before it was taken ({start:%Y-%m-%d})."
    created, modified = _date(xmp.first("CreateDate")), _date(xmp.first("ModifyDate"))
    if created and modified and (created - modified).total_seconds() > _TOLERANCE_SECONDS:
        return Level.WEAK, f"XMP says it was changed on {modified:%Y-%m-%d}, before it was made ({created:%Y-%m-%d})."
    return None


def _of_iptc(iptc: Mapping[str, list[str]]) -> str | None:
    """IPTC's day, which has no marks between its parts."""
    day = next(iter(iptc.get("date_created", [])), "")
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}" if re.fullmatch(r"\d{8}", day) else None


def dimensions(metadata: FileMetadata, exhibit: Exhibit) -> Found | None:
    """The size that metadata tells is not the file's: cropped or resized without metadata being told."""
    told = metadata.exif.values.get("exif_width"), metadata.exif.values.get("exif_height")
    if not all(isinstance(side, int) and side > 0 for side in told):
        return None
    if sorted(told) == sorted(exhibit.stored_size):
        return None
    width, height = exhibit.stored_size
    return (
        Level.WEAK,
        f"EXIF says {told[0]}x{told[1]} pixels, the image has {width}x{height}: cropped or resized since.",
    )


def devices(metadata: FileMetadata) -> Found | None:
    """The file's parts name two cameras."""
    values, xmp, notes = metadata.exif.values, metadata.xmp, metadata.exif.maker_notes
    make = str(values.get("make", ""))
    if make and notes.makes and not any(name in make.lower() for name in notes.makes):
        return Level.MODERATE, f"EXIF names a camera of {make}, but the maker notes are those of {notes.maker}."
    names = {"XMP": xmp.first("Model"), "the maker notes": _model_in_notes(notes.values.get("model"), make)}
    for where, other in names.items():
        if values.get("model") and other and not _alike(values["model"], other):
            return Level.MODERATE, f"EXIF names one camera ({values['model']}), {where} another ({other})."
    serials = values.get("serial"), notes.values.get("serial")
    if all(serials) and not _alike(*serials):
        return Level.MODERATE, f"EXIF and the maker notes name two serial numbers ({serials[0]}, {serials[1]})."
    return None


def _model_in_notes(name: str | None, make: str) -> str | None:
    """What the notes call the model, where the make stands in front, as in Canon's: others mean other things."""
    first = make.split(" ")[0].lower()
    return name if name and first and name.lower().startswith(first) else None


def _alike(first: Any, second: Any) -> bool:
    one, other = (_plain(name).lstrip("0") for name in (first, second))
    return one in other or other in one


def _plain(name: str) -> str:
    """Letters and digits; kinds of Canon's notes say what was recorded behind the model's name."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\b(jpeg|image|photo|jpg)\b.*", "", str(name).lower()))


def _date(text) -> datetime | None:
    """EXIF's and XMP's dates; times without a zone count as UTC."""
    found = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?", str(text or ""))
    if not found:
        return None
    try:
        date = datetime(*(int(part or 0) for part in found.groups()), tzinfo=timezone.utc)
    except ValueError:  # 0000:00:00, as cameras without a clock write
        return None
    return date if date.year >= 1990 else None


def _apart(first: datetime, second: datetime) -> float:
    return abs((first - second).total_seconds())
