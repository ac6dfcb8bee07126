"""What a witness says about an image: one type for all of them, and the fixed scale of their findings."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .rates import AsMuch

#: (x1, y1, x2, y2) in pixels of the upright image, right and lower border excluded.
Region = tuple[int, int, int, int]


class Level(str, enum.Enum):
    """How strongly a finding supports that the image was manipulated. The value is its name in files."""

    NOTHING_FOUND = "nothing_found"
    WEAK = "weak"
    MODERATE = "moderate"
    STRONG = "strong"
    CANNOT_BE_JUDGED = "cannot_be_judged"

    @property
    def words(self) -> str:
        """As people read it, for instance "cannot be judged"."""
        return self.value.replace("_", " ")

    @property
    def rank(self) -> int:
        """For sorting: 0 (cannot be judged), 1 (nothing found) to 4 (strong)."""
        return _RANKS[self]


_RANKS = {
    Level.CANNOT_BE_JUDGED: 0,
    Level.NOTHING_FOUND: 1,
    Level.WEAK: 2,
    Level.MODERATE: 3,
    Level.STRONG: 4,
}


@dataclass(frozen=True)
class Observation:
    """What one witness saw.

    Attributes:
        level: on the fixed scale.
        sentence: the finding in words.
        map: (H, W) float32 in [0, 1] over the upright image, or smaller by the same factor in both directions;
            None where the witness has none.
        regions: where it points to.
        facts: JSON-ready data behind the finding.
        images: title -> (h, w, 3) uint8 BGR that the sheet shows beside the map.
    """

    level: Level
    sentence: str
    map: np.ndarray | None = None
    regions: tuple[Region, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """An observation together with what is known of its witness.

    Attributes:
        witness: name of the witness, for instance ``"noise"``.
        title: the same for people.
        examined: what it looked at, in words.
        level, sentence, map, regions, facts, images: see :class:`Observation`.
        look_for, ignore: what a reader should look for on the map, and what to ignore.
        innocent_causes: what raises this finding without a manipulation.
        rates: measured rates (see :mod:`.rates`); None where the witness was not measured.
        file_classes: processing classes that the file may belong to (see :mod:`.file_class`).
        as_much: how often the witness says as much of untouched images of these classes; None where it found nothing,
            or was not measured.
    """

    witness: str
    title: str
    examined: str
    level: Level
    sentence: str
    map: np.ndarray | None = None
    regions: tuple[Region, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, np.ndarray] = field(default_factory=dict)
    look_for: str = ""
    ignore: str = ""
    innocent_causes: tuple[str, ...] = ()
    rates: Mapping[str, Any] | None = None
    file_classes: tuple[str, ...] = ()
    as_much: AsMuch | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays, ready for ``json.dumps``."""
        return {
            "witness": self.witness,
            "title": self.title,
            "examined": self.examined,
            "finding": self.level.value,
            "sentence": self.sentence,
            "has_map": self.map is not None,
            "regions": [list(region) for region in self.regions],
            "facts": dict(self.facts),
            "innocent_causes": list(self.innocent_causes),
            "rates": None if self.rates is None else dict(self.rates),
            "file_classes": list(self.file_classes),
            "as_much": None if self.as_much is None else {**asdict(self.as_much), "sentence": self.as_much.sentence},
        }
