"""Witness: JPEG's grid of blocks. A region whose blocks lie on another grid than the rest was compressed elsewhere.

A contrario: each cell of 8x8 pixels votes for one of eight positions of the block borders, across and down. Where
nothing is foreign, votes that are not for the main grid fall as they do in the whole image, and the number of those
that a window gives to one position follows a binomial law. What is told is the number of windows with so many votes
across and down that one has to expect among all the windows tried (number of false alarms).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .exhibit import Exhibit
from .finding import Level, Observation
from .outliers import boxes
from .rates import level_of
from .suitability import unsuitable
from .tails import binomial_tails, window_sums

TITLE = "Block grid"
EXAMINED = "where the borders of JPEG's 8x8 blocks lie, in the whole image and in windows of it"
LOOK_FOR = (
    "A closed region on a grid of its own: it was a part of another JPEG, or was moved within this one. It should "
    "end where an object ends."
)
IGNORE = (
    "Narrow strips along lettering, bars and regular patterns whose own rhythm is 8 pixels. Single windows in sky "
    "or walls say nothing either."
)
INNOCENT = (
    "patterns with a rhythm of 8 pixels: screens, blinds, lettering on a raster",
    "a collage, or an image within the image",
)

#: Grey levels at which a jump stops to count more, and the mean jump from which on a cell does not vote: edges of
#: objects are no borders of blocks.
_MOST, _EDGE = 24, 14
#: -log10 of the number of false alarms from which on the whole image has a grid.
_SURE = 10
#: Sides of the windows, in cells of 8 pixels.
_WINDOWS = (8, 12, 18)
#: Rows of cells that are looked at in one go.
_STRIP = 64


@dataclass(frozen=True)
class Votes:
    """
    Attributes:
        across, down: (R, C) int8, the column (row) within each cell behind which a border lies; -1: no vote.
    """

    across: np.ndarray
    down: np.ndarray


def observe(exhibit: Exhibit) -> Observation:
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"The block grid cannot be judged: {why}.")
    votes = block_votes(exhibit.luma)
    grid = tuple(_whole(one) for one in (votes.across, votes.down))
    found = all(significance > _SURE for _, significance in grid)
    main = tuple(position if found else None for position, _ in grid)
    # The grid of the file's own blocks is no foreign one, even where an older grid is stronger.
    own = {7} if exhibit.is_jpeg else set()
    across, down = ({position} - {None} | own for position in main)
    field = foreign(votes, across, down)
    strength = float(field.max())
    word = level_of("block_grid", strength)
    regions = boxes(field >= max(1.0, strength / 3), 8, exhibit.luma.shape) if word is not Level.NOTHING_FOUND else ()
    facts = {
        "grid": [int(one + 1) % 8 for one in main] if found else None,
        "significance": [round(significance, 1) for _, significance in grid],
        "strength": round(strength, 2),
        "false_alarms_by_chance": f"1e{-strength:.1f}" if strength > 0 else "1 or more",
    }
    return Observation(
        word,
        _sentence(word, facts["grid"], exhibit.is_jpeg),
        map=exhibit.upright(np.clip(field / 12, 0, 1).astype(np.float32)),
        regions=tuple(map(exhibit.upright_region, regions)),
        facts=facts,
    )


def _sentence(word: Level, grid: list[int] | None, jpeg: bool) -> str:
    if word is Level.NOTHING_FOUND:
        local = "No region lies on a grid of its own."
    else:
        local = f"{'A region lies' if word is Level.STRONG else 'A region seems to lie'} on a block grid of its own."
    if grid is None:
        return f"{local} The image as a whole shows no grid of blocks."
    if grid == [0, 0]:
        return local if jpeg else f"{local} The image was a JPEG once, and was not cropped since."
    return (
        f"{local} The grid of the whole begins at ({grid[0]}, {grid[1]}): it was a JPEG once, cropped or moved since."
    )


def block_votes(luma: np.ndarray) -> Votes:
    """Where each 8x8 cell sees the border of a block. Args: luma: (h, w) uint8, sides of at least 16."""
    rows, columns = (side // 8 for side in luma.shape)
    across, down = np.empty((rows, columns), np.int8), np.empty((rows, columns), np.int8)
    for first in range(0, rows, _STRIP):
        last = min(rows, first + _STRIP)
        top, bottom = max(0, first * 8 - 1), min(luma.shape[0], last * 8 + 2)
        strip, inner = luma[top:bottom], slice(first * 8 - top, last * 8 - top)
        across[first:last] = _votes(_jumps(strip, _ACROSS)[inner], axis=1, columns=columns)
        down[first:last] = _votes(_jumps(strip, _ACROSS.T)[inner], axis=0, columns=columns)
    # Beyond the image's edges nothing is known: the cells there do not vote.
    across[:, [0, -1]] = down[[0, -1]] = -1
    return Votes(across, down)


#: Third difference: how much a pixel and its next differ beyond a smooth course.
_ACROSS = np.array([[-1, 3, -3, 1]], np.float32)


def _jumps(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(h, w) uint8, at most ``_MOST``: the jump from each pixel to its next, in the kernel's direction."""
    anchor = (1, 0) if kernel.shape[0] == 1 else (0, 1)
    third = cv2.filter2D(values, cv2.CV_16S, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return cv2.min(cv2.convertScaleAbs(third), _MOST)


def _votes(jump: np.ndarray, *, axis: int, columns: int) -> np.ndarray:
    rows = jump.shape[0] // 8
    # Sums over 8 pixels, a cell's height or width; OpenCV's filter is much faster than NumPy's sum over a short axis.
    length = (1, 8) if axis == 1 else (8, 1)
    sums = cv2.boxFilter(jump, cv2.CV_16S, length, anchor=(0, 0), normalize=False)
    if axis == 1:
        sums = sums[: rows * 8 : 8, : columns * 8].reshape(rows, columns, 8)
    else:
        sums = np.ascontiguousarray(sums[: rows * 8, : columns * 8 : 8].reshape(rows, 8, columns).swapaxes(1, 2))
    best = sums.argmax(axis=-1)
    most = np.take_along_axis(sums, best[..., None], axis=-1)
    single = ((sums == most).sum(axis=-1) == 1) & (most[..., 0] < 8 * _EDGE)
    return np.where(single, best, -1).astype(np.int8)


def _whole(votes: np.ndarray) -> tuple[int, float]:
    """(position with most votes, -log10 of the number of false alarms) over the whole image."""
    counts = np.bincount(votes[votes >= 0], minlength=8)
    count, most, position = int(counts.sum()), int(counts.max()), int(counts.argmax())
    if count == 0:
        return 0, 0.0
    # A normal bound on the tail is exact enough for thousands of votes, and needs no sum over them.
    score = (most - count / 8) / math.sqrt(count * 7 / 64)
    return position, -math.log10(8) + _normal_tail(score)


def _normal_tail(score: float) -> float:
    """-log10 of the normal tail beyond ``score``."""
    if score < 5:
        return -math.log10(max(0.5 * math.erfc(score / math.sqrt(2)), 1e-300))
    return (score * score / 2 + math.log(score * math.sqrt(2 * math.pi))) / math.log(10)


def foreign(votes: Votes, across: set[int], down: set[int]) -> np.ndarray:
    """How significant another grid than the main one is around each cell.

    Args:
        votes: of the cells.
        across, down: positions of borders that count as the image's own.

    Returns:
        (R, C) float32: -log10 of the number of false alarms of the best window that holds the cell, at least 0.
    """
    shape = votes.across.shape
    best = np.zeros(shape, np.float32)
    sides = [side for side in _WINDOWS if side <= min(shape)]
    chance = math.log10(64 * max(1, len(sides)) * votes.across.size)
    for side in sides:
        # The same in both directions: an edge or a fence makes votes in one of them. Twice the lesser is a bound.
        both = [_unlikely(one, own, side, chance / 2) for one, own in ((votes.across, across), (votes.down, down))]
        value = np.maximum(2 * np.minimum(*both) - chance, 0).astype(np.float32)
        if value.any():
            best = np.maximum(best, cv2.dilate(value, np.ones((side, side), np.uint8)))
    return best


def _unlikely(votes: np.ndarray, own: set[int], side: int, least: float) -> np.ndarray:
    """(R, C) -log10 of the chance of the votes for the best position but its own, in the window around each cell; 0
    where that is below ``least``, as nearly everywhere."""
    found = np.zeros(votes.shape)
    other = votes >= 0
    for position in own:
        other &= votes != position
    if not other.any():
        return found
    total = window_sums(other, side)
    shares = np.bincount(votes[other], minlength=8) / np.count_nonzero(other)
    for position in set(range(8)) - own:
        # Votes next to the image's own borders, and halfway, are more frequent than others: as often as here.
        share = max(1 / 8, float(shares[position]))
        table = binomial_tails(side * side, round(share + 0.005, 2))
        count = window_sums(votes == position, side)
        # Tails grow with the count: from how many votes on they reach the bound, for each number of votes in all.
        reached = table >= least
        enough = np.where(reached.any(axis=1), reached.argmax(axis=1), len(table)).astype(np.int16)
        cells = np.nonzero(count >= np.take(enough, total))
        found[cells] = np.maximum(found[cells], table[total[cells], count[cells]])
    return found
