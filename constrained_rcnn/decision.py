"""From what network and copy-move detection say of an image to its score: one way for prediction and evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .image_class import ImageClass
from .operating_points import OperatingPoints, Rarity

#: The threshold of scores that operating points have shifted.
SHIFTED_THRESHOLD = 0.5


@dataclass(frozen=True)
class Decision:
    """
    Attributes:
        score: of the image, in [0, 1]; never above the threshold where it cannot be judged.
        threshold: the image is called manipulated where its score is above.
        rarity: how rare the score is among untouched images; None where the checkpoint does not know.
        unsuitable: why the image cannot be judged, in words, or None.
    """

    score: float
    threshold: float
    rarity: Rarity | None = None
    unsuitable: str | None = None

    @property
    def manipulated(self) -> bool:
        return self.score > self.threshold


def decide(
    points: OperatingPoints | None,
    decision: float | None,
    manipulation_map: np.ndarray,
    image: np.ndarray,
    quality: int | None,
    copy_move: bool,
    threshold: float,
) -> Decision:
    """
    Args:
        points: of the checkpoint, or None.
        decision: the decision head's, in [0, 1], or None where the model has none.
        manipulation_map: (H, W) float32 in [0, 1], the final one.
        image: (H, W, 3) uint8, BGR.
        quality: of the JPEG the image was read from, or None.
        copy_move: whether a copy-move was found.
        threshold: where there are no operating points.

    Returns:
        Without operating points the score is the decision head's, or else the map's maximum, for any kind of image.
    """
    if points is None or decision is None:
        return Decision(float(manipulation_map.max()) if decision is None else decision, threshold)
    kind = ImageClass.of(image, quality)
    score, rarity = points.score(decision, kind.name, copy_move)
    if kind.unsuitable is not None:
        score = min(score, SHIFTED_THRESHOLD)
    return Decision(score, SHIFTED_THRESHOLD, rarity, kind.unsuitable)
