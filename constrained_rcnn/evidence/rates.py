"""The package's measured rates, and the thresholds that make words of a witness's number.

Both stand in ``rates.json``, which ``tools/evaluate_evidence.py`` writes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class AsMuch:
    """How often a witness says a word, or a stronger one, of images that nobody manipulated.

    Attributes:
        file_class: of the classes that a file may belong to, the one where it says so most often.
        images: that were measured.
        count: of them, those of which it says as much.
        upper: the share that it says so of is at most this, with a confidence of 95%.
    """

    file_class: str
    images: int
    count: int
    upper: float

    @property
    def sentence(self) -> str:
        """For the sheet."""
        return (
            f"In {self.count} of {self.images} untouched images of this kind ({self.file_class}) it says as much "
            f"(with 95% confidence in at most {100 * self.upper:.1f}%)."
        )


def as_much(witness: str, level: Level, classes: Iterable[str]) -> AsMuch | None:
    """The rate of a word for a file.

    Args:
        witness: name.
        level: what it said.
        classes: that the file may belong to.

    Returns:
        None where it found nothing or could not judge, or was not measured.
    """
    if level.rank < Level.WEAK.rank:
        return None
    measured = (rates_of(witness) or {}).get("authentic", {})
    words = [word.value for word in Level if word.rank >= level.rank]
    found = [
        AsMuch(name, shares["images"], sum(shares["counts"][word] for word in words), shares["upper"][level.value])
        for name, shares in measured.items()
        if name in classes
    ]
    return max(found, key=lambda one: (one.count / one.images, one.upper), default=None)


def refused_classes(witness: str, classes: Iterable[str]) -> list[str]:
    """Those of the classes where the witness calls untouched images strong too often to be heard at all."""
    refused = rates_file().get("refused", {}).get(witness, [])
    return [name for name in refused if name in classes]


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
