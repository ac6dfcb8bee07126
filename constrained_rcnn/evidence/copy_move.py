"""Witness: regions that occur twice (see :mod:`constrained_rcnn.matching.copy_move`)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..matching.copy_move import DuplicatedRegions, find_repeats
from .exhibit import Exhibit
from .finding import Level, Observation, Region
from .suitability import unsuitable

TITLE = "Copy-move"
EXAMINED = "whether a region occurs twice, down to its finest structure"
LOOK_FOR = "Two places with the same details, the same dirt and the same light. Ask what the copy may cover."
IGNORE = (
    "Windows, fences, tiles, printed patterns and reflections repeat by themselves. Two of a kind differ in "
    "scratches, dirt and grain; copies do not."
)
INNOCENT = (
    "things that are alike: windows, tiles, patterns, prints, reflections",
    "screens and posters that show a part of the scene",
)

#: Longest side of the map, pixels.
_LONGEST = 1024


def observe(exhibit: Exhibit, pairs: Sequence[DuplicatedRegions] | None = None) -> Observation:
    """
    Args:
        exhibit: the image.
        pairs: of :func:`..matching.copy_move.find_repeats` in this image, doubtful ones among them, where somebody has
            looked already; None: it is done here.
    """
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"Copies cannot be looked for: {why}.")
    if pairs is None:
        pairs = find_repeats(exhibit.pixels, doubtful=True)
    sure = [pair for pair in pairs if not pair.doubtful]
    shown = sure or list(pairs)
    word = Level.NOTHING_FOUND
    if shown:
        word = Level.STRONG if any(pair.grain.same for pair in sure) else Level.MODERATE if sure else Level.WEAK
    return Observation(
        word,
        _SENTENCES[word],
        map=_map(exhibit.size, shown),
        regions=tuple(_box(side) for pair in shown for side in (pair.first_box, pair.second_box)),
        facts={"pairs": [_facts(pair) for pair in shown]},
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
        "regions": [list(_box(pair.first_box)), list(_box(pair.second_box))],
    }  # fmt: skip


def _map(size: tuple[int, int], pairs: Sequence[DuplicatedRegions]) -> np.ndarray:
    marked = np.zeros(pairs[0].first.shape if pairs else size, np.float32)  # of large images a reduced one
    for pair in pairs:
        marked[pair.first | pair.second] = 0.6 if pair.doubtful else 1.0
    size = marked.shape
    scale = min(1.0, _LONGEST / max(size))
    small = (max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))
    return marked if scale == 1 else cv2.resize(marked, small, interpolation=cv2.INTER_AREA)


def _box(box: tuple[float, float, float, float]) -> Region:
    left, top, right, bottom = map(round, box)
    return left, top, right, bottom
