"""Checks of metadata that mean something: each returns what it found in words, with how much that says."""

from __future__ import annotations

import re
from datetime import datetime, timezone

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
    """Dates that contradict one another: changed before it was taken, or taken on two days."""
    values, xmp = metadata.exif.values, metadata.xmp
    taken = {
        "EXIF": _date(values.get("taken")),
        "XMP": _date(xmp.first("DateCreated", "DateTimeOriginal")),
    }
    known = {name: date for name, date in taken.items() if date}
    if len(known) == 2 and _apart(*known.values()) > _TOLERANCE_SECONDS:
        return Level.WEAK, f"EXIF and XMP say different days of taking: {_days(known)}."
    start = known.get("EXIF") or known.get("XMP")
    changed = {"EXIF": _date(values.get("modified")), "XMP": _date(xmp.first("ModifyDate"))}
    for name, date in changed.items():
        if start and date and (start - date).total_seconds() > _TOLERANCE_SECONDS:
            return (
                Level.WEAK,
                f"{name} says it was last changed on {date:%Y-%m-%d}, before it was taken ({start:%Y-%m-%d}).",
            )
    return None


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
    """EXIF and XMP name two cameras."""
    values, xmp = metadata.exif.values, metadata.xmp
    first, second = values.get("model"), xmp.first("Model")
    if not first or not second or _plain(first) in _plain(second) or _plain(second) in _plain(first):
        return None
    return Level.MODERATE, f"EXIF names one camera ({first}), XMP another ({second})."


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


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


def _days(known: dict[str, datetime]) -> str:
    return ", ".join(f"{name} {date:%Y-%m-%d}" for name, date in known.items())
