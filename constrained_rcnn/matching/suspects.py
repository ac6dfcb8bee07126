"""Copy-moves: duplicated regions, and which of the two the network's map finds manipulated."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .copy_move import DuplicatedRegions, find_repeats
from .similarity import reduced

#: Least difference of the map's means over a region and its twin that tells copy from original, and that makes a
#: doubtful pair count. Chosen, as the two values below, on casia_v1_train.
LEAST_DIFFERENCE, LEAST_WITNESS = 0.25, 0.1
#: What the map becomes at least on a region that is told to be the copy, and on both where neither is. Exact floats.
COPY, EITHER = 0.875, 0.75


@dataclass(frozen=True)
class CopyMove:
    """Two duplicated regions, and what the network's map says of both.

    Attributes:
        regions: the two.
        map_means: means of the network's map over the first and the second, in [0, 1].
    """

    regions: DuplicatedRegions
    map_means: tuple[float, float]

    @property
    def repeat(self) -> DuplicatedRegions:
        """``regions``, by the name that it had in the last release."""
        return self.regions

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
        """What the map becomes at least on the suspects: ``COPY`` or ``EITHER``."""
        return EITHER if self.likelier_copy is None else COPY

    def to_json(self) -> dict:
        """What JSON can hold: everything but the two regions."""
        means = [round(mean, 4) for mean in self.map_means]
        return {**self.regions.to_json(), "map_means": means, "likelier_copy": self.likelier_copy}


def detect_copy_moves(image: np.ndarray, manipulation_map: np.ndarray) -> tuple[CopyMove, ...]:
    """Looks for duplicated regions; doubtful pairs count where the map, too, finds one of the two suspicious.

    Matching takes up to seconds and 0.7 GB, whatever the image's size.

    Args:
        image: (H, W, 3) uint8, BGR.
        manipulation_map: (H, W) float32 in [0, 1], the network's own of this image, before anything is fused into it.

    Returns:
        Largest first.
    """
    return weigh_copy_moves(find_repeats(image, doubtful=True), manipulation_map)


def weigh_copy_moves(pairs: tuple[DuplicatedRegions, ...], manipulation_map: np.ndarray) -> tuple[CopyMove, ...]:
    """The part of :func:`detect_copy_moves` after matching.

    Args:
        pairs: of :func:`.copy_move.find_repeats`, doubtful ones among them.
        manipulation_map: see :func:`detect_copy_moves`.
    """
    if not pairs:
        return ()
    small = reduced(manipulation_map)
    copy_moves = (CopyMove(pair, (float(small[pair.first].mean()), float(small[pair.second].mean()))) for pair in pairs)
    return tuple(
        copy_move for copy_move in copy_moves if copy_move.difference >= LEAST_WITNESS or not copy_move.regions.doubtful
    )


def copy_move_found(copy_moves: tuple[CopyMove, ...]) -> bool:
    """Whether a copy-move decides about the image: a pair that needs no other witness."""
    return any(not copy_move.regions.doubtful for copy_move in copy_moves)


def fuse_copy_moves(manipulation_map: np.ndarray, copy_moves: tuple[CopyMove, ...]) -> None:
    """Lifts the map on suspected regions to at least their suspicion, in place.

    Args:
        manipulation_map: (H, W) float32 in [0, 1].
        copy_moves: of :func:`detect_copy_moves`, by this map.
    """
    for copy_move in copy_moves:
        for name in copy_move.suspects:
            region = getattr(copy_move.regions, name)
            if region.shape != manipulation_map.shape:  # of a reduced image
                size = manipulation_map.shape[::-1]
                region = cv2.resize(region.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)
            np.maximum(manipulation_map, np.float32(copy_move.suspicion), out=manipulation_map, where=region)
