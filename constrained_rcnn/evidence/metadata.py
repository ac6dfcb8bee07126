"""Witness: what the file says about its camera, its dates and the programs that it went through."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import metadata_checks as checks
from .exhibit import Exhibit, stored_order
from .file_metadata import FileMetadata, read_metadata
from .finding import Level, Observation
from .thumbnail import check_thumbnail

TITLE = "Metadata"
EXAMINED = "EXIF, XMP, IPTC and texts: camera, programs, dates, size, editing history, embedded thumbnail"
LOOK_FOR = (
    "A thumbnail that shows something else than the image, two cameras, or days that contradict one another. Ask "
    "for the file as the camera wrote it, and compare."
)
IGNORE = "That metadata is missing: messengers and web sites remove it. And anybody can write what they like into it."
INNOCENT = (
    "raw developers, albums and phones' own apps, which write their name into every photo",
    "cropping or turning, after which some programs leave the old thumbnail and size",
    "a camera whose clock was not set, and time zones",
)


def observe(exhibit: Exhibit) -> Observation:
    metadata = read_metadata(exhibit)
    if metadata.empty:
        sentence = "The file says nothing about its origin. That is no sign of anything: most web sites remove it."
        return Observation(Level.NOTHING_FOUND, sentence, facts={"metadata": False})
    facts = _facts(metadata)
    found = [
        checks.editing_software(metadata), checks.editing_history(metadata), checks.dates(metadata),
        checks.dimensions(metadata, exhibit), checks.devices(metadata),
    ]  # fmt: skip
    images: dict[str, np.ndarray] = {}
    if metadata.exif.thumbnail is not None:
        check = check_thumbnail(metadata.exif.thumbnail, stored_order(exhibit))
        if check is not None:
            facts["thumbnail"] = {"alike": round(check.alike, 3), "largest_patch": round(check.patch, 1)}
            images = check.images
            if check.differs:
                found.append((Level.MODERATE, "The embedded thumbnail shows another image."))
    told = [one for one in found if one is not None]
    facts["checks"] = [{"finding": level.value, "sentence": sentence} for level, sentence in told]
    level = max((level for level, _ in told), key=lambda one: one.rank, default=Level.NOTHING_FOUND)
    sentences = [sentence for _, sentence in told] or ["Nothing in the metadata contradicts itself."]
    return Observation(level, " ".join(sentences + [_camera(metadata)]).strip(), facts=facts, images=images)


def _camera(metadata: FileMetadata) -> str:
    values = metadata.exif.values
    parts = [str(values[key]) for key in ("make", "model") if key in values]
    camera = parts[-1] if len(parts) == 2 and parts[1].lower().startswith(parts[0].lower()) else " ".join(parts)
    return f"Camera: {camera}." if camera else ""


def _notes(metadata: FileMetadata) -> dict[str, Any] | None:
    notes = metadata.exif.maker_notes
    if not (notes.maker or notes.values or notes.problem or notes.library):
        return None
    found = {"maker": notes.maker, **notes.values, "problem": notes.problem, "read_by": notes.library}
    return {key: value for key, value in found.items() if value}


def _facts(metadata: FileMetadata) -> dict[str, Any]:
    """GPS stands apart, so that who writes results can leave it out."""
    facts: dict[str, Any] = {
        "metadata": True,
        "exif": metadata.exif.values,
        "software": metadata.software(),
        "iptc": {key: value for key, value in metadata.iptc.items()},
        "texts": {key: value[:300] for key, value in metadata.texts.items()},
        "history": metadata.xmp.history,
        "xmp": {
            key: metadata.xmp.values[key][0]
            for key in ("CreatorTool", "CreateDate", "ModifyDate", "DateCreated", "Make", "Model")
            if metadata.xmp.values.get(key)
        },
        "problems": metadata.problems,
        "maker_notes": _notes(metadata),
    }
    if metadata.exif.position:
        facts["gps"] = {"latitude": metadata.exif.position[0], "longitude": metadata.exif.position[1]}
    return facts
