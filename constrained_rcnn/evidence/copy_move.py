"""Witness: regions that occur twice (see :mod:`constrained_rcnn.matching.copy_move`)."""

from __future__ import annotations

import cv2
import numpy as np

from ..matching.copy_move import find_repeats
from .exhibit import Exhibit
from .finding import Level, Observation, Region
from .suitability import unsuitable

TITLE = "Copy-move"
EXAMINED = "whether a region occurs twice, down to its finest structure"
LOOK_FOR = "Two places with the same details, the same dirt and the same light."
IGNORE = "Windows, fences, tiles, printed patterns and reflections repeat by themselves."
INNOCENT = (
    "things that are alike: windows, tiles, patterns, prints, reflections",
    "screens and posters that show a part of the scene",
)

#: Longest side of the map, pixels.
_LONGEST = 1024


def observe(exhibit: Exhibit) -> Observation:
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"Copies cannot be looked for: {why}.")
    pairs = find_repeats(exhibit.pixels, doubtful=True)
    sure = [pair for pair in pairs if not pair.doubtful]
    told = sure or list(pairs)
    word = Level.NOTHING_FOUND
    if told:
        word = Level.STRONG if any(pair.grain.same for pair in sure) else Level.MODERATE if sure else Level.WEAK
    return Observation(
        word,
        _SENTENCES[word],
        map=_map(exhibit.size, told),
        regions=tuple(_box(side) for pair in told for side in (pair.first, pair.second)),
        facts={"pairs": [_facts(pair) for pair in told]},
    )


_SENTENCES = {
    Level.NOTHING_FOUND: "No region was found twice. Copies without texture leave nothing to match.",
    Level.WEAK: "Two regions are alike, as things in the world can be; by itself that says little.",
    Level.MODERATE: "Two regions are alike down to their fine structure.",
    Level.STRONG: "Two regions are alike down to their grain, which two things in the world do not share.",
}


def _facts(pair) -> dict:
    return {
        "similarity": round(float(pair.similarity), 3), "matches": int(pair.matches),
        "same_grain": bool(pair.grain.same), "pattern": bool(pair.pattern), "doubtful": bool(pair.doubtful),
        "regions": [list(_box(pair.first)), list(_box(pair.second))],
    }  # fmt: skip


def _map(size: tuple[int, int], pairs) -> np.ndarray:
    marked = np.zeros(size, np.float32)
    for pair in pairs:
        marked[pair.first | pair.second] = 0.6 if pair.doubtful else 1.0
    scale = min(1.0, _LONGEST / max(size))
    small = (max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))
    return marked if scale == 1 else cv2.resize(marked, small, interpolation=cv2.INTER_AREA)


def _box(mask: np.ndarray) -> Region:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
