"""What was found in one image, as small typed records."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..data.techniques import COPY_MOVE, UNCERTAIN
from ..images.reading_notes import Reading
from ..matching.copy_move import DuplicatedRegions
from ..matching.suspects import CopyMove
from ..utils.files import write_bytes_atomic
from ..visualization.overlay import overlay
from .network_output import NetworkOutput
from .operating_points import Rarity
from .regions import Region
from .soft_masks import paste_soft_mask

if TYPE_CHECKING:
    from detectron2.structures import Instances

#: JPEG quality of overlays.
OVERLAY_QUALITY = 92
#: What the map must exceed where a manipulation is counted as covering the image.
COVERED = 0.5


@dataclass(frozen=True)
class Detection:
    """One suspicious region.

    Attributes:
        technique: the likeliest of "splice", "copy-move", "removal", or "tampered"; or "manipulated region", where the
            weights know how often a technique as likely as this is the right one, and it is not often enough.
        score: in [0, 1], how probable it is that the region is manipulated in whatever way; the mean over
            augmentations, and never above the image's score.
        technique_scores: probability of each technique, best first.
        box: (x1, y1, x2, y2), pixels of the original image, exclusive on the right and below.
        image_size: (height, width) of that image, pixels.
        found_by: "network"; or "repeats", a duplicated region that is fused into the map (``TEST.REPEATS``).
        soft_mask: (M, M) float32 in [0, 1], probability of "manipulated" stretched over the box; None without a
            mask branch.
    """

    technique: str
    score: float
    technique_scores: dict[str, float]
    box: tuple[float, float, float, float]
    image_size: tuple[int, int]
    soft_mask: np.ndarray | None = field(default=None, repr=False)
    found_by: str = "network"

    @property
    def mask(self) -> np.ndarray | None:
        """(H, W) bool, the region inside the box, drawn anew at each call; None without a mask branch.

        A megabyte per megapixel for as long as it is kept; drawing takes no more.
        """
        return None if self.soft_mask is None else paste_soft_mask(self.soft_mask, self.box, self.image_size)


def detections_of(instances: Instances, classes: Sequence[str]) -> tuple[Detection, ...]:
    """The records of an image's instances, in their order.

    Args:
        instances: of :func:`.merging.merge_detections`.
        classes: the model's class names.
    """
    rows = zip(
        instances.scores.tolist(),
        map(tuple, instances.pred_boxes.tensor.tolist()),
        instances.pred_classes.tolist(),
        instances.technique_scores.tolist(),
        instances.technique_named.tolist(),
        instances.from_copy_move.tolist(),
        instances.soft_masks.soft,
    )
    return detections_of_regions((Region(*row) for row in rows), classes, tuple(instances.image_size))


def detections_of_regions(
    regions: Iterable[Region], classes: Sequence[str], image_size: tuple[int, int], highest: float = 1.0
) -> tuple[Detection, ...]:
    """The records of an image's regions, in their order.

    Args:
        regions: of :func:`.regions.merge_regions`.
        classes: the model's class names.
        image_size: (height, width), pixels.
        highest: the image's score in [0, 1]; no region is surer to be manipulated than its image.
    """
    detections = []
    for region in regions:
        scores = region.technique_scores
        if region.from_copy_move:
            techniques = {COPY_MOVE: scores[region.label]}
        else:
            known_scores = [(name, value) for name, value in zip(classes, scores) if not math.isnan(value)]
            techniques = dict(sorted(known_scores, key=lambda item: -item[1]))
        detections.append(
            Detection(
                technique=next(iter(techniques)) if region.named else UNCERTAIN,
                score=min(region.score, highest),
                technique_scores=techniques,
                box=region.box,
                image_size=image_size,
                soft_mask=region.soft_mask,
                found_by="repeats" if region.from_copy_move else "network",
            )
        )
    return tuple(detections)


@dataclass(frozen=True)
class ManipulationResult:
    """What was found in one image.

    Attributes:
        manipulated: the decision, ``score > threshold``.
        score: of the image, in [0, 1]: see :mod:`.decision`; the maximum of the map where no head decides.
        threshold: that the decision was made with.
        detections: best score first.
        manipulation_map: (H, W) float32 in [0, 1], at the image's own resolution.
        image: (H, W, 3) uint8 BGR, what was looked at, upright.
        views: number of augmentations (scales, mirrored or not) whose maps were averaged.
        tiles: number of runs of the network over all of them; more than ``views`` where the image was tiled.
        tiled: whether it was.
        rarity: how rare such a score is among untouched images of the same kind; None where the weights do not know.
        unsuitable: why nothing can be said of an image of this kind, in words; None: it can.
        copy_moves: duplicated regions that were found; None where they were not looked for (``TEST.REPEATS``).
        reading: what was done to the file's content on the way to ``image``; None where an array was given.
        duplicated_regions: the pairs that ``copy_moves`` were chosen from, doubtful ones, too; None likewise.
        network: what the network alone says of the image; None where the result is not of a network.
        network_map: (h, w) float32, the map before copy-moves were fused into it, reduced to a longer side of
            ``WORKING_SIDE``; None where none was: it is ``manipulation_map`` then.
    """

    manipulated: bool
    score: float
    threshold: float
    detections: tuple[Detection, ...]
    manipulation_map: np.ndarray = field(repr=False)
    image: np.ndarray = field(repr=False)
    views: int = 1
    tiles: int = 1
    rarity: Rarity | None = None
    unsuitable: str | None = None
    copy_moves: tuple[CopyMove, ...] | None = field(default=None, repr=False)
    reading: Reading | None = None
    duplicated_regions: tuple[DuplicatedRegions, ...] | None = field(default=None, repr=False)
    network: NetworkOutput | None = field(default=None, repr=False)
    network_map: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def of(cls, item: dict, output: dict, classes: Sequence[str]) -> ManipulationResult:
        """The record of an output of :class:`.test_time_augmentation.ConstrainedRCNNWithTTA`.

        Args:
            item: its input, with "pixels", RGB, and "reading".
            output: of that input.
            classes: the model's class names.
        """
        decision = output["image_decision"]
        return cls(
            manipulated=decision.manipulated,
            score=decision.score,
            threshold=decision.threshold,
            detections=detections_of(output["instances"], classes),
            manipulation_map=output["manipulation_map"].numpy(),
            image=item["pixels"][:, :, ::-1],
            views=output["augmentations"],
            tiles=output["tiles"],
            rarity=decision.rarity,
            unsuitable=decision.unsuitable,
            copy_moves=output["copy_moves"],
            reading=item["reading"],
            duplicated_regions=output["duplicated_regions"],
            network=decision.network,
            network_map=output["network_map"],
        )

    @property
    def repeats(self) -> tuple[CopyMove, ...]:
        """``copy_moves`` by the name that it had in the last release; empty where they were not looked for."""
        warnings.warn("ManipulationResult.repeats is called copy_moves now", DeprecationWarning, stacklevel=2)
        return self.copy_moves or ()

    @property
    def covered(self) -> float:
        """Share of the image, in [0, 1], where the map is above ``COVERED``."""
        above = sum(np.count_nonzero(strip > COVERED) for strip in np.array_split(self.manipulation_map, 16))
        return above / self.manipulation_map.size

    @property
    def decision(self) -> str:
        """The decision in words: "manipulated", "no manipulation found" or "cannot be judged"."""
        if self.unsuitable is not None:
            return "cannot be judged"
        return "manipulated" if self.manipulated else "no manipulation found"

    @property
    def summary(self) -> str:
        """One line that an overlay, which travels alone, carries along."""
        rare = "" if self.rarity is None else f"; 1 in {self.rarity.one_in:.0f} untouched images scores as high"
        return f"{self.decision.capitalize()}: score {self.score:.2f}{rare}. No proof."

    @property
    def tiled(self) -> bool:
        return self.tiles > self.views

    @property
    def techniques(self) -> tuple[str, ...]:
        """Techniques of the detections above the threshold, best first; none if the image is called authentic."""
        named = [d.technique for d in self.detections if self.manipulated and d.score > self.threshold]
        return tuple(dict.fromkeys(named))

    def to_json(self) -> dict:
        """The result without its pixel arrays, as JSON-ready values; sizes and boxes in pixels."""
        height, width = self.manipulation_map.shape
        return {
            "decision": self.decision,
            "manipulated": self.manipulated,
            "score": round(self.score, 6),
            "threshold": round(self.threshold, 6),
            "rarity": self._rarity_json(),
            "unsuitable": self.unsuitable,
            "covered": round(self.covered, 6),
            "techniques": list(self.techniques),
            "height": height,
            "width": width,
            "views": self.views,
            "tiled": self.tiled,
            "tiles": self.tiles,
            "reading": self.reading and self.reading.to_json(),
            "detections": [
                {
                    "technique": d.technique,
                    "score": round(d.score, 6),
                    "above_threshold": d.score > self.threshold,
                    "technique_scores": {name: round(value, 6) for name, value in d.technique_scores.items()},
                    "box": [round(v, 2) for v in d.box],
                    "found_by": d.found_by,
                }
                for d in self.detections
            ],
        }

    def _rarity_json(self) -> dict | None:
        if self.rarity is None:
            return None
        return {"one_in": round(self.rarity.one_in, 1), "kind": self.rarity.kind, "images": self.rarity.images}

    def save_overlay(self, path: str | os.PathLike) -> None:
        """Writes :func:`..visualization.overlay.overlay`'s drawing, whole or not at all: PNG if so named, else JPEG."""
        kind = ".png" if os.fspath(path).lower().endswith(".png") else ".jpg"
        overlaid = overlay(self.image, self.manipulation_map, self.detections, self.threshold, line=self.summary)
        _, data = cv2.imencode(kind, overlaid, [cv2.IMWRITE_JPEG_QUALITY, OVERLAY_QUALITY])
        write_bytes_atomic(path, data.tobytes())
