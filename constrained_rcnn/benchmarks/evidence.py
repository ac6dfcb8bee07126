"""What the witnesses of the evidence sheet cost: processor time by witness, and memory per pixel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from ..evidence.examination import ask
from ..evidence.exhibit import Exhibit
from ..evidence.registry import WITNESSES


def benchmark(source: bytes | Path, witnesses: Sequence[str], *, repeats: int = 3) -> dict[str, Any]:
    """Examines one image several times, on one core.

    Args:
        source: a file's content or path.
        witnesses: names.
        repeats: the fastest counts.

    Returns:
        ``seconds``: "reading" and each witness's name -> processor time; ``megapixels``. What several witnesses need
        counts for the first of them.

    Raises:
        UserError: the image cannot be read.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    fastest: dict[str, float] = {}
    try:
        for _ in range(repeats):
            begun = time.process_time()
            exhibit = Exhibit.read(source)
            _keep(fastest, "reading", begun)
            for name in witnesses:
                begun = time.process_time()
                ask(WITNESSES[name], exhibit)
                _keep(fastest, name, begun)
    finally:
        cv2.setNumThreads(threads)
    return {"seconds": fastest, "megapixels": exhibit.luma.size / 1e6}


def _keep(fastest: dict[str, float], name: str, begun: float) -> None:
    seconds = time.process_time() - begun
    fastest[name] = min(seconds, fastest.get(name, seconds))
