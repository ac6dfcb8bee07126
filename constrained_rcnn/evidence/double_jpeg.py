"""Witness: regions that lack the traces of an earlier JPEG compression which the rest of the image shows.

A photo that was a JPEG, was edited and saved as JPEG again is compressed twice; what was pasted into it from
elsewhere, or painted, was not compressed before on the same grid. For each coefficient whose earlier step is known,
the histogram on the grid tells the image as it is, that of blocks across the grid what it would be without the earlier
compression. The logarithm of their ratio, summed over a block's coefficients, says which of the two the block is more
like. A contrario: the blocks that look least compressed, three in ten of all, would be spread evenly if nothing was
foreign; what is told is how many windows with so many of them one has to expect among all that were tried (number of
false alarms).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .blocks import BlockCoefficients
from .double_compression import EarlierCompression
from .exhibit import Exhibit
from .finding import Level, Observation
from .outliers import LEAST_CELLS, boxes, without_explained
from .rates import level_of, rates_file
from .suitability import unsuitable
from .tails import binomial_tails, window_sums

TITLE = "Double JPEG"
EXAMINED = "whether every region shows the earlier JPEG compression that the image as a whole shows"
LOOK_FOR = (
    "A closed region without the earlier compression: it was pasted, painted or moved before the last saving. Its "
    "outline should be that of an object, not that of a flat or dark part."
)
IGNORE = (
    "Flat, very dark and very bright parts, which carry no trace of either kind. Sky and shadows may light up by "
    "themselves."
)
INNOCENT = (
    "a caption, a logo or a frame that was put on openly",
    "out-of-focus or noisy parts, whose coefficients look alike after one compression and after two",
)

#: Fewest coefficients whose earlier step must be known.
_LEAST_STEPS = 3
#: Largest multiple of the last step that is counted, and the most that one coefficient may say.
_LARGEST, _MOST = 60, 2.0
#: Fewest coefficients other than 0 that a block must have to count.
_LEAST_COEFFICIENTS = 2
#: Share of the blocks that count as those that look least compressed.
_SHARE = 0.3
#: Sides of the windows, in blocks.
_WINDOWS = (8, 12, 18)


def observe(exhibit: Exhibit) -> Observation:
    if why := unsuitable(exhibit):
        return Observation(Level.CANNOT_BE_JUDGED, f"Regions cannot be compared: {why}.")
    earlier = exhibit.earlier_compression
    if earlier is None or len(earlier.steps) < _LEAST_STEPS:
        return Observation(
            Level.CANNOT_BE_JUDGED,
            "The image as a whole shows no earlier compression, so that no region can lack it.",
        )
    table = exhibit.quantization[min(exhibit.quantization)] if exhibit.is_jpeg else [1] * 64
    ratio, number = likelihood(exhibit.blocks, exhibit.shifted_blocks, earlier, table)
    usable = number >= _LEAST_COEFFICIENTS
    if usable.sum() < LEAST_CELLS:
        return Observation(Level.CANNOT_BE_JUDGED, "Too little of the image can be used: it is too small or too flat.")
    field = unlikely(ratio, usable, number)
    strength = float(field.max())
    word = level_of("double_jpeg", strength, exhibit.luma.size)
    limits = rates_file()["thresholds"]["double_jpeg"]
    regions = ()
    if word is not Level.NOTHING_FOUND:
        least = max(limits[Level.WEAK.value] / 2, strength / 3)
        regions = boxes(field >= least, exhibit.blocks.pixels, exhibit.luma.shape)
    return Observation(
        word,
        _SENTENCES[word],
        map=exhibit.upright(np.clip(field / (2 * limits[Level.MODERATE.value]), 0, 1).astype(np.float32)),
        regions=tuple(map(exhibit.upright_region, regions)),
        facts={
            "strength": round(strength, 2),
            "false_alarms_by_chance": f"1e{-strength:.1f}" if strength > 0 else "1 or more",
            "earlier_quality": earlier.quality,
            "coefficients": len(earlier.steps),
        },
    )


_SENTENCES = {
    Level.NOTHING_FOUND: "Every region shows the earlier compression as far as it can.",
    Level.WEAK: "A region shows the earlier compression less than the rest; many untouched images show as much.",
    Level.MODERATE: "A region lacks the earlier compression that the rest of the image shows.",
    Level.STRONG: "A region clearly lacks the earlier compression that the rest of the image shows.",
}


def likelihood(
    blocks: BlockCoefficients, across: BlockCoefficients, earlier: EarlierCompression, table
) -> tuple[np.ndarray, np.ndarray]:
    """How much more each block looks like one that was compressed before.

    Args:
        blocks: on the grid of the last compression.
        across: of the same image across that grid.
        earlier: what is known of the compression before.
        table: the last compression's 64 steps for luma, row by row.

    Returns:
        (R, C) float32 sum of log ratios over the square root of their number, and (R, C) int that number.
    """
    ratio, number = np.zeros(blocks.values.shape[:2], np.float32), np.zeros(blocks.values.shape[:2], np.int32)
    for v, u in earlier.steps:
        last = int(table[8 * v + u])
        most = min(512 // last, _LARGEST)
        on, off = (_multiples(one.values[..., v, u], last, most) for one in (blocks, across))
        told = (on > 0) & (on < most)
        ratio += _log_ratio(on, off, most)[on]
        number += told
    return ratio / np.sqrt(np.maximum(number, 1)), number


def _multiples(values: np.ndarray, step: int, most: int) -> np.ndarray:
    return np.minimum(np.abs(np.rint(values * (1 / step))), most).astype(np.int16)


def _log_ratio(on: np.ndarray, off: np.ndarray, most: int) -> np.ndarray:
    """(most + 1,) float32 by multiple of the step; 0 and the largest say nothing: they only tell of texture."""
    shares = []
    for multiples in (on, off):
        counts = np.bincount(multiples.ravel(), minlength=most + 1)[1:most] + 1.0
        shares.append(counts / counts.sum())
    inner = np.clip(np.log(shares[0] / shares[1]), -_MOST, _MOST)
    return np.concatenate([[0], inner, [0]]).astype(np.float32)


def unlikely(ratio: np.ndarray, usable: np.ndarray, number: np.ndarray) -> np.ndarray:
    """(R, C) float32: -log10 of the number of false alarms of the best window that holds the block, at least 0.

    Args:
        ratio, number: from :func:`likelihood`.
        usable: (R, C) bool, blocks that count.
    """
    rest = without_explained(ratio, usable, number.astype(np.float32))
    low = usable & (rest < np.quantile(rest[usable], _SHARE))
    best = np.zeros(ratio.shape, np.float32)
    sides = [side for side in _WINDOWS if side <= min(ratio.shape)]
    for side in sides:
        tails = binomial_tails(side * side, _SHARE)[window_sums(usable, side), window_sums(low, side)]
        value = np.maximum(tails - math.log10(len(sides) * ratio.size), 0).astype(np.float32)
        best = np.maximum(best, cv2.dilate(value, np.ones((side, side), np.uint8)))
    return best
