"""What probably happened to a file before it came here: its processing class, as the rates are measured by class.

A class is told from what the file is, not from what it shows: its kind, its quantisation tables, traces of an earlier
compression, a camera's metadata, bars of one tone. Often several classes remain. Then the rates of the worst of them
count, so that a class too many makes a finding sound less rare, never rarer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .exif import read_exif
from .jpeg_encoders import known_tables

if TYPE_CHECKING:
    from .exhibit import Exhibit

#: The classes, as they are called on the sheet and in the rates.
CAMERA, SAVED, SOCIAL, REDUCED, SCREENSHOT, PUBLISHED = CLASSES = (
    "camera original",
    "saved once more",
    "social media",
    "reduced",
    "screenshot",
    "as published",
)
#: Significance of an earlier compression from which on it counts, as for the witness of the file's history.
_SIGNIFICANT = 5.0
#: Highest quality at which services that take photos save them.
_SOCIAL_QUALITY = 85
#: Share of rows, or of columns, at the edges that hold one tone: bars of a screen.
_BARS = 0.04
#: Longest sides of screens in pixels; a screenshot of one has them.
_SCREENS = {
    (1080, 1920), (1080, 2220), (1080, 2280), (1080, 2340), (1080, 2400), (1125, 2436), (1170, 2532), (1179, 2556),
    (1206, 2622), (1242, 2208), (1242, 2688), (1284, 2778), (1290, 2796), (1320, 2868), (1440, 2560), (1440, 2960),
    (1440, 3040), (1440, 3120), (1440, 3200), (640, 1136), (750, 1334), (720, 1280), (720, 1600), (828, 1792),
    (768, 1366), (800, 1280), (900, 1440), (900, 1600), (1050, 1680), (1200, 1920), (1600, 2560), (1800, 2880),
    (2160, 3840), (1536, 2048), (1668, 2388), (2048, 2732), (1620, 2160), (1640, 2360),
}  # fmt: skip


@dataclass(frozen=True)
class FileClass:
    """
    Attributes:
        candidates: the classes that the file may belong to, of ``CLASSES``; at least one.
        why: what tells, in words.
    """

    candidates: tuple[str, ...]
    why: str

    @property
    def words(self) -> str:
        """The classes as people read them."""
        if len(self.candidates) == len(CLASSES):
            return "of any kind"
        return " or ".join(self.candidates)


def file_class(exhibit: Exhibit) -> FileClass:
    """Tells the processing classes that a file may belong to."""
    if exhibit.is_jpeg:
        return _of_jpeg(exhibit)
    if exhibit.format in ("PNG", "WEBP", "BMP"):
        if tuple(sorted(exhibit.stored_size)) in _SCREENS:
            return FileClass((SCREENSHOT,), f"{exhibit.format} of the size of a screen")
        if _bars(exhibit.luma) >= _BARS:
            return FileClass((SCREENSHOT,), f"{exhibit.format} with bars of one tone at its edges")
    return FileClass(CLASSES, f"{exhibit.format} tells nothing of what was done before")


def _of_jpeg(exhibit: Exhibit) -> FileClass:
    tables = known_tables(exhibit.quantization)
    earlier = exhibit.earlier_compression
    twice = earlier is not None and earlier.significance >= _SIGNIFICANT
    trace = ", and traces of an earlier compression" if twice else ""
    if tables is None and not twice and _by_a_camera(exhibit):
        return FileClass((CAMERA,), "a JPEG with tables of its maker's own and the metadata of a camera")
    if tables is None or tables.quality is None:
        whose = "tables of its maker's own" if tables is None else f"tables of {tables.encoder}"
        return FileClass((SAVED, PUBLISHED) if twice else (CAMERA, PUBLISHED), f"a JPEG with {whose}{trace}")
    why = f"a JPEG with the tables of {tables.words}{trace}"
    if tables.quality <= _SOCIAL_QUALITY:
        return FileClass((SAVED, SOCIAL, REDUCED, PUBLISHED), why)
    return FileClass((SAVED, PUBLISHED) if twice else (CAMERA, SAVED, REDUCED, PUBLISHED), why)


def _by_a_camera(exhibit: Exhibit) -> bool:
    """EXIF names a camera, and the size that the image has."""
    block = exhibit.info.get("exif")
    values = read_exif(block).values if isinstance(block, bytes) else {}
    told = values.get("exif_width"), values.get("exif_height")
    return {"make", "model"} <= values.keys() and told == exhibit.stored_size


def _bars(luma: np.ndarray) -> float:
    """Share of the rows, or of the columns if it is more, that hold one tone and stand together at an edge."""
    return max(_edge_share(luma), _edge_share(luma.T))


def _edge_share(luma: np.ndarray) -> float:
    flat = np.ptp(luma, axis=1) <= 2
    if flat.all():
        return 1.0
    return (int(flat.argmin()) + int(flat[::-1].argmin())) / len(flat)
