"""What the network says of one picture, as small typed records."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
import torch
from detectron2.layers import paste_masks_in_image

from ..data.techniques import COPY_MOVE
from ..images.reading_notes import Reading
from ..matching.suspects import JudgedRepeat, judge_repeats
from ..utils.files import write_bytes_atomic
from ..visualization.overlay import overlay
from .operating_points import Rarity

#: JPEG quality of overlays.
OVERLAY_QUALITY = 92
#: Side of the soft mask of a region that occurs twice.
REPEAT_MASK_SIDE = 112
#: What the map must exceed where a manipulation is counted as covering the image.
COVERED = 0.5
#: Rows of a mask that are drawn at a time.
_ROWS = 512


@dataclass(frozen=True)
class Detection:
    """One suspicious region.

    Attributes:
        technique: the likeliest of "splice", "copy-move", "removal", or "tampered"; or "manipulated region", where the
            weights know how often a technique as likely as this is the right one, and it is not often enough.
        score: in [0, 1], how probable it is that the region is manipulated in whatever way; the mean over views, and
            never above the image's score.
        technique_scores: probability of each technique, best first.
        box: (x1, y1, x2, y2), pixels of the original image, exclusive on the right and below.
        image_size: (height, width) of that image, pixels.
        found_by: "network"; or "repeats", a region that occurs twice and has raised the map (``TEST.REPEATS``).
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

    @classmethod
    def of_repeat(cls, judged: JudgedRepeat, name: str, image_size: tuple[int, int]) -> Detection:
        """A suspect among regions that occur twice.

        Args:
            judged: the pair.
            name: "first" or "second".
            image_size: as the attribute.
        """
        region = getattr(judged.repeat, name)
        rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
        inside = region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
        return cls(
            technique=COPY_MOVE,
            score=judged.suspicion,
            technique_scores={COPY_MOVE: judged.suspicion},
            box=getattr(judged.repeat, f"{name}_box"),
            image_size=tuple(image_size),
            soft_mask=cv2.resize(inside, (REPEAT_MASK_SIDE, REPEAT_MASK_SIDE), interpolation=cv2.INTER_LINEAR),
            found_by="repeats",
        )

    @property
    def mask(self) -> np.ndarray | None:
        """(H, W) bool, the region inside the box, drawn anew at each call; None without a mask branch.

        A megabyte per megapixel for as long as it is kept; drawing takes no more.
        """
        if self.soft_mask is None:
            return None
        height, width = self.image_size
        drawn = np.zeros((height, width), bool)
        soft, box = torch.from_numpy(self.soft_mask)[None], torch.tensor([self.box], dtype=torch.float32)
        # By strips: Detectron2's pasting takes 20 bytes for every pixel of the box.
        for top in range(0, height, _ROWS):
            bottom = min(top + _ROWS, height)
            if self.box[1] < bottom + 1 and self.box[3] > top - 1:
                shifted = box - torch.tensor([0, top, 0, top])
                drawn[top:bottom] = paste_masks_in_image(soft, shifted, (bottom - top, width), threshold=0.5)[0].numpy()
        return drawn


@dataclass(frozen=True)
class ManipulationResult:
    """What the network says of one image.

    Attributes:
        manipulated: the decision, ``score > threshold``.
        score: of the image, in [0, 1]: see :mod:`.decision`; the maximum of the map where no head decides.
        threshold: that the decision was made with.
        detections: best score first.
        manipulation_map: (H, W) float32 in [0, 1], at the image's own resolution.
        image: (H, W, 3) uint8 BGR, what was judged, upright.
        views: number of views (scales, mirrored or not) whose maps were averaged.
        tiles: number of runs of the network over all views; more than ``views`` where the image was tiled.
        tiled: whether it was.
        rarity: how rare such a score is among untouched images of the same kind; None where the weights do not know.
        unsuitable: why an image of this kind cannot be judged, in words; None: it can.
        reading: what was done to the file's content on the way to ``image``; None where an array was given.
        raised_by: regions that occur twice, where the map has been raised by them (``TEST.REPEATS``), else None.
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
    raised_by: tuple[JudgedRepeat, ...] | None = field(default=None, repr=False)
    reading: Reading | None = None

    @cached_property
    def repeats(self) -> tuple[JudgedRepeat, ...]:
        """Regions that occur twice; looked for when first asked for, if the predictor has not done so already."""
        if self.raised_by is not None:
            return self.raised_by
        return judge_repeats(self.image, self.manipulation_map)

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
        found = [d.technique for d in self.detections if self.manipulated and d.score > self.threshold]
        return tuple(dict.fromkeys(found))

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
        """Writes the picture of :func:`.report.overlay`, whole or not at all: PNG if so named, else JPEG."""
        kind = ".png" if os.fspath(path).lower().endswith(".png") else ".jpg"
        drawn = overlay(self.image, self, line=self.summary)
        _, data = cv2.imencode(kind, drawn, [cv2.IMWRITE_JPEG_QUALITY, OVERLAY_QUALITY])
        write_bytes_atomic(path, data.tobytes())
