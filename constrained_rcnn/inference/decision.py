"""From what network and copy-move detection say of an image to its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..matching.copy_move import DuplicatedRegions, find_repeats
from ..matching.similarity import reduced
from ..matching.suspects import CopyMove, copy_move_found, fuse_copy_moves, weigh_copy_moves
from .image_class import ImageClass
from .network_output import NetworkOutput
from .operating_points import OperatingPoints, Rarity

#: Decision threshold where neither config nor checkpoint has one.
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Decision:
    """
    Attributes:
        score: of the image, in [0, 1]; never above the threshold where nothing can be said of the image.
        threshold: the image is called manipulated where its score is above.
        rarity: how rare the score is among untouched images; None where the checkpoint does not know.
        unsuitable: why nothing can be said of an image of this kind, in words, or None.
        network: what the network alone says.
    """

    score: float
    threshold: float
    rarity: Rarity | None = None
    unsuitable: str | None = None
    network: NetworkOutput | None = field(default=None, compare=False, repr=False)

    @property
    def manipulated(self) -> bool:
        return self.score > self.threshold


def decide(
    points: OperatingPoints | None,
    network: float,
    fused: float,
    image: np.ndarray,
    quality: int | None,
    copy_move: bool,
    threshold: float,
) -> Decision:
    """
    Args:
        points: of the checkpoint, or None.
        network: score of the network alone, in [0, 1]: its decision head's, or else its map's maximum.
        fused: score where there are no operating points, in [0, 1]: as ``network``, after copy-move detection.
        image: (H, W, 3) uint8, BGR.
        quality: of the JPEG the image was read from, or None.
        copy_move: whether a copy-move was found.
        threshold: of the score; 0.5 is where operating points have put it.
    """
    if points is None:
        return Decision(fused, threshold, network=NetworkOutput(network, threshold))
    kind = ImageClass.of(image, quality)
    score, rarity = points.score(network, kind.name, copy_move)
    if kind.unsuitable is not None:
        score = min(score, threshold)
    return Decision(score, threshold, rarity, kind.unsuitable, NetworkOutput(network, threshold, points, kind.name))


@dataclass(frozen=True)
class Conclusion:
    """What follows from the network's map of an image.

    Attributes:
        decision: about the image.
        copy_moves: that were fused into the map; None where they were not looked for.
        duplicated_regions: all pairs that the copy-moves were chosen from, doubtful ones, too; None likewise.
        network_map: the map before copy-moves were fused into it, reduced; None where it is the map itself.
    """

    decision: Decision
    copy_moves: tuple[CopyMove, ...] | None = None
    duplicated_regions: tuple[DuplicatedRegions, ...] | None = None
    network_map: np.ndarray | None = None


def conclude(
    points: OperatingPoints | None,
    decisions: Sequence[float | None],
    manipulation_map: np.ndarray,
    image: np.ndarray,
    quality: int | None,
    threshold: float,
    *,
    look_for_copy_moves: bool,
) -> Conclusion:
    """Looks for copy-moves, fuses them into the map, and decides.

    Args:
        points, image, quality, threshold: see :func:`decide`.
        decisions: of the network's decision head about each augmentation, in [0, 1]; None: it has no such head, and its
            map's maximum counts.
        manipulation_map: (H, W) float32 in [0, 1], mean over augmentations; changed in place.
        look_for_copy_moves: else there are None.
    """
    head = None if None in decisions else float(np.mean(decisions))
    network = float(manipulation_map.max()) if head is None else head
    pairs = copy_moves = before = None
    if look_for_copy_moves:
        pairs = find_repeats(image, doubtful=True)
        copy_moves = weigh_copy_moves(pairs, manipulation_map)
        before = reduced(manipulation_map).copy() if copy_moves else None
        fuse_copy_moves(manipulation_map, copy_moves)
    fused = float(manipulation_map.max()) if head is None else head
    has_copy_move = copy_move_found(copy_moves or ())
    decision = decide(points, network, fused, image, quality, has_copy_move, threshold)
    return Conclusion(decision, copy_moves, pairs, before)
