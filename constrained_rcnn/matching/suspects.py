"""What repeated regions and the network's map say together: which is the likelier copy."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .copy_move import Repeat, find_repeats
from .similarity import reduced

#: Least difference of the map's means over a region and its twin that tells copy from original, and that makes a
#: doubtful pair count. Chosen, as the two values below, on casia_v1_train.
LEAST_DIFFERENCE, LEAST_WITNESS = 0.25, 0.1
#: What the map is raised to on a region that is told to be the copy, and on both where neither is; exact in float32.
COPY, EITHER = 0.875, 0.75


@dataclass(frozen=True)
class JudgedRepeat:
    """A region that occurs twice, and what the network's map says of both places.

    Attributes:
        repeat: the two regions.
        map_means: means of the network's map over the first and the second, in [0, 1].
    """

    repeat: Repeat
    map_means: tuple[float, float]

    @property
    def difference(self) -> float:
        """Of the two means."""
        return abs(self.map_means[0] - self.map_means[1])

    @property
    def likelier_copy(self) -> str | None:
        """Which region the network finds manipulated: "first", "second", or None where it cannot tell."""
        if self.difference < LEAST_DIFFERENCE:
            return None
        return "first" if self.map_means[0] > self.map_means[1] else "second"

    @property
    def suspects(self) -> tuple[str, ...]:
        """The likelier copy, or "first" and "second" where neither is told to be it."""
        return ("first", "second") if self.likelier_copy is None else (self.likelier_copy,)

    @property
    def suspicion(self) -> float:
        """What the map is raised to on the suspects: ``COPY`` or ``EITHER``."""
        return EITHER if self.likelier_copy is None else COPY

    def to_json(self) -> dict:
        """What JSON can hold: everything but the two regions."""
        means = [round(mean, 4) for mean in self.map_means]
        return {**self.repeat.to_json(), "map_means": means, "likelier_copy": self.likelier_copy}


def judge_repeats(image: np.ndarray, manipulation_map: np.ndarray) -> tuple[JudgedRepeat, ...]:
    """Looks for regions that occur twice; doubtful pairs count where the map, too, finds one of the two suspicious.

    Args:
        image: (H, W, 3) uint8, BGR.
        manipulation_map: (H, W) float32 in [0, 1], the network's own of this picture, not a raised one.

    Returns:
        Largest first.
    """
    repeats = find_repeats(image, doubtful=True)
    if not repeats:
        return ()
    small = reduced(manipulation_map)
    judged = (JudgedRepeat(r, (float(small[r.first].mean()), float(small[r.second].mean()))) for r in repeats)
    return tuple(one for one in judged if one.difference >= LEAST_WITNESS or not one.repeat.doubtful)


def copy_move_found(judged: tuple[JudgedRepeat, ...]) -> bool:
    """Whether a copy-move decides about the image: a pair that needs no other witness."""
    return any(not one.repeat.doubtful for one in judged)


def raise_map(manipulation_map: np.ndarray, judged: tuple[JudgedRepeat, ...]) -> None:
    """Raises the map on suspected regions to at least their suspicion, in place.

    Args:
        manipulation_map: (H, W) float32 in [0, 1].
        judged: of :func:`judge_repeats`, by this map.
    """
    for one in judged:
        for name in one.suspects:
            region = getattr(one.repeat, name)
            if region.shape != manipulation_map.shape:  # of a reduced picture
                size = manipulation_map.shape[::-1]
                region = cv2.resize(region.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)
            np.maximum(manipulation_map, np.float32(one.suspicion), out=manipulation_map, where=region)
