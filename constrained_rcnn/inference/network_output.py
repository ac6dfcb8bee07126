"""What the network alone says of an image: before copy-move detection has its word in score and map."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .operating_points import OperatingPoints, logit


@dataclass(frozen=True)
class NetworkOutput:
    """
    Attributes:
        raw: score in [0, 1], as the network gives it: its decision head's, or its map's maximum.
        raw_threshold: of ``raw``, where there are no operating points.
        points: of the checkpoint, or None.
        kind: class of the image (:mod:`.image_class`); "" without operating points.
    """

    raw: float
    raw_threshold: float
    points: OperatingPoints | None = field(default=None, repr=False)
    kind: str = ""

    @property
    def logit(self) -> float:
        """Of ``raw``."""
        return logit(self.raw)

    @property
    def score(self) -> float:
        """In [0, 1]; with operating points shifted as an image's score is, so that the threshold lies at 0.5."""
        if self.points is None:
            return self.raw
        name, _ = self.points.held_to(self.kind)
        return 1 / (1 + math.exp(self.points.thresholds[name] - self.logit))

    @property
    def threshold(self) -> float:
        """Of ``score``."""
        return self.raw_threshold if self.points is None else 0.5
