"""How rare a score is among untouched images of the same kind, and from where on an image is called manipulated.

A network's score is no probability: what is rare among large clean files is common among small compressed ones. So the
checkpoint keeps, for each class of :mod:`.image_class`, the scores that untouched images reach. Each class has a
threshold at the same false-alarm rate, and scores are shifted so that it lies at 0.5 in every class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..utils.errors import UserError

#: Key of the operating points in a checkpoint's metadata.
KEY = "operating_points"
#: Share of untouched images, by default, that may be called manipulated: the network and copy-move detection together.
RATE = 0.02
#: Fewest untouched images that a class needs for a threshold of its own.
LEAST_IMAGES = 100
#: Fewest detections that a margin of techniques is chosen by.
LEAST_NAMED = 20
#: Decisions closer to 0 or 1 are taken as this, so that their logit is finite.
_EPSILON = 1e-6


@dataclass(frozen=True)
class Rarity:
    """How rare it is among untouched images to score as high.

    Attributes:
        kind: the class of image that it was measured on.
        one_in: one of so many scores as high or higher; no more than ``images + 1``, since rarer was not measured.
        images: untouched images of that kind.
    """

    kind: str
    one_in: float
    images: int

    def __str__(self) -> str:
        rounded = f"{self.one_in:.0f}" if self.one_in >= 10 else f"{self.one_in:.1f}"
        return f"1 in {rounded} untouched images of this kind scores as high ({self.kind}; {self.images} measured)"


@dataclass(frozen=True)
class OperatingPoints:
    """What was measured on untouched images.

    Attributes:
        logits: of each class's untouched images, ascending, not shifted.
        thresholds: logit of each class above which the network calls an image manipulated.
        copy_move_rate: share of untouched images in which a copy-move is found, never below one in their number.
        technique_margin: least share that a detection's likeliest technique has of all techniques together for it to be
            named; above 1: none is.
    """

    logits: Mapping[str, np.ndarray]
    thresholds: Mapping[str, float]
    copy_move_rate: float
    technique_margin: float = 0.0

    @classmethod
    def measure(cls, scores: Mapping[str, list[float]], copy_moves: list[bool], rate: float = RATE) -> OperatingPoints:
        """
        Args:
            scores: decisions in [0, 1] of untouched images by class.
            copy_moves: of all of them, whether a copy-move was found.
            rate: share that may be called manipulated in all, in (0, 1).
        """
        images = max(1, len(copy_moves))
        copy_move_rate = max(1, sum(copy_moves)) / images
        network_rate = max(rate - copy_move_rate, rate / 2)  # half at least
        logits = {name: np.sort([logit(score) for score in values]) for name, values in scores.items() if values}
        thresholds = {
            name: threshold_at(values, network_rate) for name, values in logits.items() if len(values) >= LEAST_IMAGES
        }
        # A class of few images is held to the strictest of the others, and of all together.
        strictest = max([*thresholds.values(), threshold_at(np.concatenate(list(logits.values())), network_rate)])
        return cls(logits, {name: thresholds.get(name, strictest) for name in logits}, copy_move_rate)

    @classmethod
    def from_metadata(cls, metadata: Mapping) -> OperatingPoints | None:
        """What a checkpoint's metadata keep, or None.

        Raises:
            UserError: something else stands in their place.
        """
        entry = metadata.get(KEY)
        if not entry:
            return None
        try:
            logits = {name: np.sort(np.array(row["logits"], float)) for name, row in entry["classes"].items()}
            thresholds = {name: float(row["threshold"]) for name, row in entry["classes"].items()}
            rate, margin = float(entry["copy_move_rate"]), float(entry.get("technique_margin", 0.0))
            numbers = np.concatenate([*logits.values(), [*thresholds.values(), rate, margin]])
            valid = logits and min(map(len, logits.values())) and np.isfinite(numbers).all() and 0 < rate <= 1
        except (AttributeError, KeyError, TypeError, ValueError):
            valid = False
        if not valid:
            raise UserError("MODEL.WEIGHTS: its operating points are damaged; renew them: constrained-rcnn calibrate")
        return cls(logits, thresholds, rate, margin)

    def to_metadata(self) -> dict:
        """Plain values for a checkpoint's metadata."""
        return {
            "copy_move_rate": self.copy_move_rate,
            "technique_margin": self.technique_margin,
            "classes": {
                name: {"threshold": self.thresholds[name], "logits": [round(float(x), 4) for x in values]}
                for name, values in self.logits.items()
            },
        }

    def score(self, decision: float, kind: str, copy_move: bool) -> tuple[float, Rarity]:
        """
        Args:
            decision: the network's, in [0, 1].
            kind: the image's class; one that was not measured is held to the strictest threshold.
            copy_move: whether a copy-move was found.

        Returns:
            The image's score in [0, 1], above 0.5 where it is to be called manipulated, and how rare it is. A copy-move
            counts as the network's score that is as rare.
        """
        name, measured = self.held_to(kind)
        values, threshold = self.logits[name], self.thresholds[name]
        value = logit(decision)
        # What an image with a copy-move scores at least.
        copy_move_value = max(float(np.quantile(values, 1 - self.copy_move_rate)), threshold + _EPSILON)
        if copy_move:
            value = max(value, copy_move_value)
        higher = len(values) - np.searchsorted(values, value, side="left")
        share = (higher + 1) / (len(values) + 1)
        if value <= copy_move_value:
            share += self.copy_move_rate  # untouched images with a copy-move score as high, too
        rarity = Rarity(name if measured else f"{kind}, held to {name}", max(1.0, 1 / share), len(values))
        return 1 / (1 + math.exp(threshold - value)), rarity

    def held_to(self, kind: str) -> tuple[str, bool]:
        """The class that an image of this class is held to, and whether that is its own: else the strictest one."""
        measured = kind in self.logits
        return (kind if measured else max(self.thresholds, key=self.thresholds.get)), measured

    def network_shares(self, name: str, logits: np.ndarray) -> np.ndarray:
        """How rare logits of the network alone are, without copy-move detection.

        Args:
            name: of a class that was measured.
            logits: (N,), not shifted.

        Returns:
            (N,) in (0, 1]: the share of untouched images with such a logit or a higher one, the asked one among them.
        """
        values = self.logits[name]
        return (len(values) - np.searchsorted(values, logits, side="left") + 1) / (len(values) + 1)


def margin_at(margins: list[float], correct: list[bool], precision: float = 0.8) -> float:
    """The least margin from which on a technique is named rightly often enough.

    Args:
        margins: of detections on forgeries, each in [0, 1].
        correct: whether the likeliest technique of each is the true one.
        precision: wanted share of right ones among those of at least the margin.

    Returns:
        One of the margins at or above which at least ``LEAST_NAMED`` detections lie; 2.0 where there is none.
    """
    order = np.argsort(-np.asarray(margins, float), kind="stable")
    ordered = np.asarray(margins, float)[order]
    share = np.cumsum(np.asarray(correct, float)[order]) / np.arange(1, len(order) + 1)
    last = np.diff(ordered, append=-1) != 0  # of those of the same margin
    suitable = np.flatnonzero((share >= precision) & last)
    suitable = suitable[suitable >= LEAST_NAMED - 1]
    return float(ordered[suitable[-1]]) if len(suitable) else 2.0


def threshold_at(scores: np.ndarray, rate: float) -> float:
    """The lowest threshold at which at most that share of untouched images is called manipulated.

    Args:
        scores: (N,) of untouched images.
        rate: wanted share of scores above the threshold, in [0, 1).

    Returns:
        One of the scores; ``score > threshold`` is the decision.
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    return float(ordered[len(ordered) - 1 - math.floor(rate * len(ordered))])


def logit(score: float) -> float:
    """log(p / (1 - p)) of a score in [0, 1], finite."""
    score = min(max(score, _EPSILON), 1 - _EPSILON)
    return math.log(score / (1 - score))
