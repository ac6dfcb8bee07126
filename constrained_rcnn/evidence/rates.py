"""The package's measured rates, and the thresholds that make words of a witness's number.

Both stand in ``rates.json``, which ``tools/evaluate_evidence.py`` writes.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from .finding import Level

#: The file in the package.
RATES_FILE = Path(__file__).with_name("rates.json")
#: Largest images that the rates were measured on, pixels.
MEASURED_PIXELS = 1_100_000
#: The words that a threshold leads to, and the share of untouched images, in the worst processing class, that the
#: tool lets reach each of them when it chooses thresholds.
ALLOWED = {Level.WEAK: 0.10, Level.MODERATE: 0.03, Level.STRONG: 0.005}


@functools.lru_cache(maxsize=1)
def rates_file() -> dict[str, Any]:
    """Content of ``rates.json``: ``thresholds``, ``witnesses`` and ``about``."""
    return json.loads(RATES_FILE.read_text(encoding="utf-8"))


def rates_of(witness: str) -> dict[str, Any] | None:
    """``{"authentic": {class: {"images": n, word: share}}, "forged": {kind: ...}}`` of a witness; None: unknown."""
    return rates_file()["witnesses"].get(witness)


def level_of(witness: str, strength: float, pixels: int = 0) -> Level:
    """The word for a witness's number.

    Args:
        witness: name of a witness with thresholds.
        strength: the larger, the more it supports a manipulation.
        pixels: of the image, where the number depends on its size. Of images larger than those that were measured
            nobody knows how often untouched ones reach a number, so no more than "weak" is said.

    Returns:
        NOTHING_FOUND below the least threshold.

    Raises:
        KeyError: the witness has no thresholds.
    """
    thresholds = rates_file()["thresholds"][witness]
    most = Level.WEAK if pixels > MEASURED_PIXELS else Level.STRONG
    reached = [level for level in ALLOWED if strength >= thresholds[level.value] and level.rank <= most.rank]
    return max(reached, key=lambda level: level.rank, default=Level.NOTHING_FOUND)
