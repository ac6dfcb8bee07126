"""The network as a witness: the decision of the network alone, before copy-move detection has its word.

Its word follows from how rare such a score is among the untouched images of the checkpoint's operating points, by the
shares that hold for all witnesses (``evidence.rates.ALLOWED``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...evidence.finding import Finding, Level, Observation, Region
from ...evidence.rates import ALLOWED
from ...inference.network_output import NetworkOutput
from ...inference.operating_points import OperatingPoints
from ...inference.result import ManipulationResult
from ...matching.similarity import reduced

TITLE = "Network"
EXAMINED = "the whole image, by a neural network that was trained with forgeries; copy-move detection has no part in it"
LOOK_FOR = (
    "A bright region that ends where an object ends. Look at that place in the original file, and in other copies of "
    "the image."
)
IGNORE = (
    "Faint colour all over the image, and brightness along its border, on lettering and on logos. The score is no "
    "probability that the image is a forgery."
)
INNOCENT = (
    "captions, logos, frames and collages",
    "strong filters, sharpening and portrait blur",
    "images unlike those that it was trained with: night scenes, scans, screens",
)


def observe(result: ManipulationResult, weights: str) -> Observation:
    """
    Args:
        result: of detection.
        weights: SHA-256 of the checkpoint.
    """
    network = result.network or NetworkOutput(result.score, result.threshold)
    share, known = _share(network)
    above = network.score > network.threshold
    level = word(share, above=above, known=known)
    # Where the network is not sure of the image, none of its regions is above the threshold.
    regions = [one for one in result.detections if above and one.found_by == "network" and one.score > result.threshold]
    if result.unsuitable is not None:
        level = Level.CANNOT_BE_JUDGED
    network_map = result.manipulation_map if result.network_map is None else result.network_map
    return Observation(
        level,
        _sentence(level, network, share, result.unsuitable),
        map=np.clip(reduced(network_map), 0, 1),
        regions=tuple(_box(one.box) for one in regions) if level.rank >= Level.WEAK.rank else (),
        facts={
            "score": round(network.score, 4), "threshold": round(network.threshold, 4),
            "above_threshold": above,
            "one_in_untouched_images": None if share is None else round(1 / share, 1),
            "kind_of_image": network.kind, "decision_with_copy_moves": result.decision,
            "techniques": [one.technique for one in regions],
            "runs_of_the_network": result.tiles, "sha256_of_the_weights": weights,
        },
    )  # fmt: skip


def word(share: float | None, *, above: bool, known: bool) -> Level:
    """The word for a score.

    Args:
        share: of untouched images that score as high; None: nobody has measured.
        above: the score is above the decision's threshold.
        known: images of this kind were measured; of others no more than "weak" is said.
    """
    if share is None:
        return Level.WEAK if above else Level.NOTHING_FOUND
    most = (Level.STRONG if above else Level.MODERATE) if known else Level.WEAK
    reached = [level for level, allowed in ALLOWED.items() if share <= allowed and level.rank <= most.rank]
    return max(reached, key=lambda level: level.rank, default=Level.NOTHING_FOUND)


def rates(points: OperatingPoints | None) -> dict[str, Any] | None:
    """The shares of words among the checkpoint's untouched images, by kind; the form of ``evidence.rates.rates_of``.

    They are the images that the operating points were chosen on.
    """
    if points is None:
        return None
    return {"authentic": {name: _rates(points, name) for name in points.logits}}


def with_rates(finding: Finding, result: ManipulationResult) -> Finding:
    """The network's finding with the rates of its checkpoint, which stand in no file of the package."""
    network = result.network
    kinds = (network.kind,) if network and network.kind else ()
    return dataclasses.replace(finding, rates=rates(network.points if network else None), file_classes=kinds)


def _rates(points: OperatingPoints, name: str) -> dict[str, float]:
    logits, threshold = points.logits[name], points.thresholds[name]
    shares = points.network_shares(name, logits)
    words = [word(float(share), above=bool(own > threshold), known=True) for own, share in zip(logits, shares)]
    return {"images": len(words), **{level.value: words.count(level) / len(words) for level in Level}}


def _share(network: NetworkOutput) -> tuple[float | None, bool]:
    """Share of untouched images that score as high, and whether images of this kind were measured."""
    if network.points is None:
        return None, False
    name, known = network.points.held_to(network.kind)
    return float(network.points.network_shares(name, np.array([network.logit]))[0]), known


def _sentence(level: Level, network: NetworkOutput, share: float | None, unsuitable: str | None) -> str:
    if unsuitable is not None:
        return f"The network was not made for this image: {unsuitable}."
    above = "above" if network.score > network.threshold else "not above"
    sentence = f"The network's score is {network.score:.3f}, {above} the threshold of {network.threshold:.3f}"
    if share is None:
        return f"{sentence}; how rare such a score is among untouched images was not measured for these weights."
    rare = f"1 in {1 / share:.0f} untouched images of its kind scores as high"
    closing = {
        Level.NOTHING_FOUND: "which is nothing unusual",
        Level.WEAK: "which is too common to say much",
        Level.MODERATE: "which is rare",
        Level.STRONG: "which is very rare",
    }[level]
    return f"{sentence}; {rare}, {closing}."


def _box(box: Sequence[float]) -> Region:
    left, top, right, bottom = map(round, box)
    return left, top, right, bottom
