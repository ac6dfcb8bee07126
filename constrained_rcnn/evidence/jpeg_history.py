"""Witness: how often, and how, the image was saved as JPEG. It never says more than "weak": saving a photo again is
what everybody does."""

from __future__ import annotations

from typing import Any

from .double_compression import EarlierCompression
from .exhibit import Exhibit
from .finding import Level, Observation
from .jpeg_encoders import KnownTables, known_tables
from .jpeg_file import jpeg_file
from .jpeg_tables import nearest_quality
from .suitability import unsuitable

TITLE = "JPEG history"
EXAMINED = "quantisation tables, structure of the file, and traces of an earlier compression in the whole image"
LOOK_FOR = (
    "A photo that is said to come straight from a camera, and was saved more than once. Tables that the named "
    "camera does not write say the same."
)
IGNORE = (
    "An earlier compression by itself: messengers, web sites and photo programs all save photos again. It says "
    "that the file was saved, not that the image was changed."
)
INNOCENT = (
    "any program or web site that saved the photo once more",
    "a screenshot of, or a PNG made from, a JPEG",
)

#: Least significance that is told, in standard deviations.
LEAST_SIGNIFICANCE = 5.0


def observe(exhibit: Exhibit) -> Observation:
    facts: dict[str, Any] = {"format": exhibit.format}
    said = []
    if exhibit.is_jpeg:
        said.append(_describe(exhibit, facts))
    why = unsuitable(exhibit)
    earlier = None if why else exhibit.earlier_compression
    facts["earlier_compression"] = None if earlier is None else _facts(earlier)
    if earlier is None:
        reason = why or "too few coefficients are left"
        said.append(f"An earlier compression cannot be looked for: {reason}.")
        return Observation(Level.CANNOT_BE_JUDGED, " ".join(said), facts=facts)
    if earlier.significance < LEAST_SIGNIFICANCE:
        said.append("No trace of an earlier compression; one at the same quality would leave none.")
        return Observation(Level.NOTHING_FOUND, " ".join(said), facts=facts)
    at = f" at a quality of about {earlier.quality}" if earlier.quality else ""
    said.append(f"The image was saved as JPEG{at} before it was saved as it is now.")
    return Observation(Level.WEAK, " ".join(said), facts=facts)


def _describe(exhibit: Exhibit, facts: dict[str, Any]) -> str:
    table = exhibit.quantization[min(exhibit.quantization)]
    quality, exact = nearest_quality(table)
    file, known = jpeg_file(exhibit.data), known_tables(exhibit.quantization)
    facts |= {
        "quality": quality, "standard_tables": exact, "luma_table": [int(step) for step in table],
        "encoder": None if known is None else known.words, "encoder_programs": known.programs if known else "",
        "encoder_source": known.source if known else "",
        "subsampling": file.subsampling, "progressive": file.progressive, "images_in_file": file.images,
        "bytes_after_end": file.trailing, "after_end": file.trailing_kind,
    }  # fmt: skip
    said = _of_tables(quality, known)
    if file.images > 1:
        said += f" The file holds {file.images} images."
    if file.trailing and file.trailing_kind != "zeros":
        kind = {"other": "data of an unknown kind"}.get(file.trailing_kind, f"a {file.trailing_kind}")
        said += f" {file.trailing} bytes follow its end: {kind}."
    return said


def _of_tables(quality: int, known: KnownTables | None) -> str:
    if known is None:
        return (
            f"Saved as JPEG of quality about {quality} with tables that no encoder in this package's table writes, as "
            "cameras and many programs have their own."
        )
    return f"Saved as JPEG with the tables of {known.words}: {known.programs}."


def _facts(earlier: EarlierCompression) -> dict[str, Any]:
    return {
        "significance": round(earlier.significance, 1),
        "quality": earlier.quality,
        "steps": {f"{v},{u}": step for (v, u), step in earlier.steps.items()},
    }
