"""From what network and copy-move detection say of an image to its score."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .image_class import ImageClass
from .network_output import NetworkOutput
from .operating_points import OperatingPoints, Rarity


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
