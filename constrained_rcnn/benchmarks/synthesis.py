"""How fast forgeries are made, by technique and number of workers."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..data.techniques import TECHNIQUES
from ..synthesis.generate import synthesize
from ..synthesis.photos import Photo
from ..synthesis.presets import DEFAULT_PRESET, get_preset
from ..synthesis.writer import write_forgeries


def benchmark(
    photos: Sequence[Photo],
    *,
    preset: str = DEFAULT_PRESET,
    count: int = 30,
    size: tuple[int, int] = (480, 640),
    workers: Sequence[int] = (1, 2),
    authentic: float = 0.0,
) -> Iterator[tuple[str, int, float, float]]:
    """Writes sets of one technique each, all files JPEG, to a temporary folder.

    Args:
        photos: (name, H x W x 3 uint8 RGB), in memory, so that no photo's decoding is measured.
        preset: its share of lossless files is set to zero.
        count: forgeries per technique and number of workers.
        size: (height, width), pixels.
        workers: numbers of workers to compare.
        authentic: share of counterparts written as well.

    Yields:
        (technique, workers, forgeries per second of wall-clock time, seconds of processor time per forgery). The
        last does not depend on what else the machine does.
    """
    jpeg = dataclasses.replace(get_preset(preset), lossless=0.0)
    if jpeg.editing:
        jpeg = dataclasses.replace(jpeg, editing=dataclasses.replace(jpeg.editing, png=0.0))
    for technique in TECHNIQUES:
        # What is loaded on first use must not count.
        synthesize([pixels for _, pixels in photos[:2]], np.random.default_rng(0), jpeg, [technique], size)
        for number in workers:
            with tempfile.TemporaryDirectory() as folder:
                started, busy = time.perf_counter(), time.process_time()
                write_forgeries(
                    photos, Path(folder), "speed", count, 0, preset=jpeg, techniques=(technique,), size=size,
                    authentic=authentic, workers=number,
                )  # fmt: skip
                busy = time.process_time() - busy
                yield technique, number, count / (time.perf_counter() - started), busy / count
