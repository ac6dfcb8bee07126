"""What a process that predicts keeps in memory while every image has another size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Memory:
    """Attributes: images: predicted so far. resident, highest: of the process, now and at any moment, in MB."""

    images: int
    resident: int
    highest: int


def ever_new_sizes(count: int, sides: tuple[int, int], seed: int = 0) -> list[tuple[int, int]]:
    """(height, width) pairs, no two alike.

    Args:
        count: of the pairs.
        sides: least and largest side, pixels; there must be ``count`` pairs of them.
        seed: of the choice.

    Raises:
        ValueError: fewer pairs than wanted.
    """
    least, largest = sides
    choices = largest - least + 1
    if count > choices**2:
        raise ValueError(f"{choices**2} sizes have sides from {least} to {largest}, {count} are wanted")
    chosen = np.random.default_rng(seed).choice(choices**2, count, replace=False)
    return [(least + int(number) // choices, least + int(number) % choices) for number in chosen]


def memory_over_sizes(
    predict: Callable[[np.ndarray], object], sizes: list[tuple[int, int]], every: int, progress=iter
) -> Iterator[Memory]:
    """Predicts an image of noise of each size.

    Args:
        predict: takes (H, W, 3) uint8.
        sizes: (height, width) each.
        every: images between two measurements; the last image is measured, too.
        progress: wraps the sizes to show how far it is.

    Yields:
        What was measured. Linux only: read from ``/proc``.
    """
    noise = np.random.default_rng(0).integers(0, 256, (*np.max(sizes, axis=0), 3), dtype=np.uint8)
    for number, (height, width) in enumerate(progress(sizes), 1):
        predict(noise[:height, :width].copy())
        if number % every == 0 or number == len(sizes):
            yield _now(number)


def _now(images: int) -> Memory:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    values = dict(line.split(":", 1) for line in lines)
    resident, highest = (int(values[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
    return Memory(images, resident, highest)
