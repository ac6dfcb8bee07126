"""What the network says of one picture, as small typed records."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from detectron2.layers import paste_masks_in_image

from .data.files import write_bytes_atomic
from .report import overlay

#: JPEG quality of overlays.
OVERLAY_QUALITY = 92


@dataclass(frozen=True)
class Detection:
    """One suspicious region.

    Attributes:
        technique: the likeliest of "splice", "copy-move", "removal", or "tampered".
        score: probability in [0, 1] that the region is manipulated in whatever way; the mean over views.
        technique_scores: probability of each technique that the network proposed for this region, best first.
        box: (x1, y1, x2, y2), pixels of the original image, exclusive on the right and below.
        image_size: (height, width) of that image, pixels.
        soft_mask: (M, M) float32 in [0, 1], probability of "manipulated" stretched over the box; None without a
            mask branch.
    """

    technique: str
    score: float
    technique_scores: dict[str, float]
    box: tuple[float, float, float, float]
    image_size: tuple[int, int]
    soft_mask: np.ndarray | None = field(default=None, repr=False)

    @property
    def mask(self) -> np.ndarray | None:
        """(H, W) bool, the region inside the box, drawn anew at each call; None without a mask branch."""
        if self.soft_mask is None:
            return None
        soft, box = torch.from_numpy(self.soft_mask)[None], torch.tensor([self.box], dtype=torch.float32)
        return paste_masks_in_image(soft, box, self.image_size, threshold=0.5)[0].numpy()


@dataclass(frozen=True)
class ManipulationResult:
    """What the network says of one image.

    Attributes:
        manipulated: the decision, ``score > threshold``.
        score: of the image, in [0, 1]: the maximum of the map.
        threshold: that the decision was made with.
        detections: best score first.
        manipulation_map: (H, W) float32 in [0, 1], at the image's own resolution.
        image: (H, W, 3) uint8 BGR, what was judged, upright.
        views: number of views (scales, mirrored or not) whose maps were averaged.
        tiles: number of runs of the network over all views; more than ``views`` where the image was tiled.
    """

    manipulated: bool
    score: float
    threshold: float
    detections: tuple[Detection, ...]
    manipulation_map: np.ndarray = field(repr=False)
    image: np.ndarray = field(repr=False)
    views: int = 1
    tiles: int = 1

    @property
    def techniques(self) -> tuple[str, ...]:
        """Techniques of the detections above the threshold, best first; none if the image is called authentic."""
        found = [d.technique for d in self.detections if self.manipulated and d.score > self.threshold]
        return tuple(dict.fromkeys(found))

    def to_json(self) -> dict:
        """The result without its pixel arrays, as JSON-ready values; sizes and boxes in pixels."""
        height, width = self.manipulation_map.shape
        return {
            "decision": "manipulated" if self.manipulated else "no manipulation found",
            "manipulated": self.manipulated,
            "score": round(self.score, 6),
            "threshold": round(self.threshold, 6),
            "techniques": list(self.techniques),
            "height": height,
            "width": width,
            "views": self.views,
            "tiles": self.tiles,
            "detections": [
                {
                    "technique": d.technique,
                    "score": round(d.score, 6),
                    "technique_scores": {name: round(value, 6) for name, value in d.technique_scores.items()},
                    "box": [round(v, 2) for v in d.box],
                }
                for d in self.detections
            ],
        }

    def save_overlay(self, path: str | os.PathLike) -> None:
        """Writes the picture of :func:`.report.overlay` as a JPEG, whole or not at all."""
        _, data = cv2.imencode(".jpg", overlay(self.image, self), [cv2.IMWRITE_JPEG_QUALITY, OVERLAY_QUALITY])
        write_bytes_atomic(path, data.tobytes())
