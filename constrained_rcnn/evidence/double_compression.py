"""Traces of an earlier JPEG compression in the coefficients of decoded luma.

Coefficients that were multiples of one step before they were rounded to multiples of another are unevenly spread over
the latter. Their histogram is compared with that of blocks across the grid, which show what it would be without the
earlier compression (calibration, Fridrich).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .blocks import BlockCoefficients, zigzag
from .jpeg_tables import standard_luma

#: Coefficients that are looked at, in JPEG's order, and the largest earlier step that is tried.
_MODES, _LARGEST_STEP = slice(1, 16), 48
#: Largest coefficients that are looked at.
_LARGEST = 512
#: Fewest coefficients other than 0, and fewest modes that have them.
_LEAST_VALUES, _LEAST_MODES = 200, 4


@dataclass(frozen=True)
class EarlierCompression:
    """
    Attributes:
        significance: in standard deviations, the median over the modes of that of the best earlier step.
        steps: (v, u) -> that step, where it is significant.
        quality: whose standard table fits these steps best; None: hardly any fits.
    """

    significance: float
    steps: dict[tuple[int, int], int]
    quality: int | None


def earlier_compression(
    blocks: BlockCoefficients, across: BlockCoefficients, table: Sequence[int] | None
) -> EarlierCompression | None:
    """Looks for a compression before the last one.

    Args:
        blocks: on the grid of the last compression.
        across: of the same image across that grid.
        table: the last compression's 64 steps for luma, row by row; None: the file is no JPEG.

    Returns:
        None where there are too few coefficients to tell.
    """
    steps, scores = {}, []
    for v, u in zigzag()[_MODES]:
        last = 1 if table is None else int(table[8 * v + u])
        values, others = (_rounded(one.values[..., v, u], last) for one in (blocks, across))
        if min(values.size, others.size) < _LEAST_VALUES:
            continue
        score, step = _best_step(values, others, last)
        scores.append(score)
        if score > 5:
            steps[v, u] = step
    if len(scores) < _LEAST_MODES:
        return None
    return EarlierCompression(float(np.median(scores)), steps, _quality(steps))


def _rounded(values: np.ndarray, step: int) -> np.ndarray:
    """Multiples of the step, 0 and the rare large ones left out: 1-D float32."""
    multiples = np.rint(values.ravel() * (1 / step))
    kept = np.abs(multiples)
    return multiples[(kept >= 1) & (kept * step <= _LARGEST)]


def _best_step(values: np.ndarray, others: np.ndarray, last: int) -> tuple[float, int]:
    """(standard deviations by which the best earlier step explains the values better than chance, that step)."""
    waves = _waves(last)
    if not len(waves.steps):
        return 0.0, last
    scores = _scores(values, others, waves.clearest)
    best = float(scores.max())
    # A step's half has the same clearest harmonic: the largest steps whose slow course fits, and of these the best.
    alike = np.flatnonzero((scores >= 0.7 * best) & (_scores(values, others, waves.slow) > 0.3 * best))
    if not len(alike):
        return best, int(waves.steps[scores.argmax()])
    large = alike[waves.steps[alike] >= 0.8 * waves.steps[alike[-1]]]
    return best, int(waves.steps[large[scores[large].argmax()]])


def _scores(values: np.ndarray, others: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """For each wave (N, _LARGEST + 1), by how many standard deviations its mean over the values exceeds the others'."""
    difference, variance = np.zeros(len(waves)), np.full(len(waves), 1e-12)
    for sample, sign in ((values, 1), (others, -1)):
        shares = np.bincount(np.abs(sample).astype(np.int64), minlength=_LARGEST + 1) / len(sample)
        mean = waves @ shares
        difference += sign * mean
        variance += (np.square(waves) @ shares - mean**2) / len(sample)
    return difference / np.sqrt(variance)


@dataclass(frozen=True)
class _Waves:
    """Earlier steps that leave a trace (N,), and their traces over multiples of the last step (N, _LARGEST + 1): that
    of the harmonic that is told best, and of the first one."""

    steps: np.ndarray
    clearest: np.ndarray
    slow: np.ndarray


@functools.lru_cache(maxsize=256)
def _waves(last: int) -> _Waves:
    found = [(step, _frequency(last / step)) for step in range(2, _LARGEST_STEP + 1)]
    steps = np.array([step for step, frequency in found if frequency is not None], int)
    clearest = np.array([frequency for _, frequency in found if frequency is not None])
    made = []
    for frequencies in (clearest, last / np.maximum(steps, 1)):
        courses = np.cos(2 * np.pi * np.outer(frequencies, np.arange(_LARGEST + 1)))
        made.append(np.sign(np.sinc(frequencies))[:, None] * courses)
    return _Waves(steps, *made)


def _frequency(ratio: float) -> float | None:
    """The harmonic of the earlier step, in cycles per multiple of the last one, that is told best from a histogram's
    smooth course; None where the earlier step leaves no trace."""
    best = None
    for harmonic in range(1, 17):
        frequency = harmonic * ratio
        apart = abs(frequency - round(frequency))
        size = abs(np.sinc(frequency))
        if apart >= 0.24 and size > 0.08 and (best is None or size > best[0]):
            best = size, frequency
    return None if best is None else best[1]


def _quality(steps: dict[tuple[int, int], int]) -> int | None:
    if len(steps) < _LEAST_MODES:
        return None
    found = np.array(list(steps.values()))
    places = [8 * v + u for v, u in steps]
    fits = [np.mean(standard_luma(quality)[places] == found) for quality in range(1, 101)]
    return int(np.argmax(fits)) + 1 if max(fits) >= 0.5 else None
