"""From an image to a decision: what a user calls."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np
import torch
from detectron2.data import transforms as T
from detectron2.modeling import build_model
from detectron2.structures import Boxes, pairwise_iou

from .checkpoint import ManipulationCheckpointer
from .data.image_io import read_image
from .data.techniques import TAMPERED, TECHNIQUES
from .errors import UserError

#: Decision threshold where neither config nor checkpoint has one.
DEFAULT_THRESHOLD = 0.5
#: Intersection over union above which two boxes are shown as one region.
SAME_REGION = 0.5
#: Shortest side the network can say anything about, pixels: the stride of its features.
MIN_SIDE = 16


@dataclass(frozen=True)
class Detection:
    """One suspicious region.

    Attributes:
        technique: the likeliest of "splice", "copy-move", "removal", or "tampered".
        score: probability in [0, 1] that the region is manipulated in whatever way.
        technique_scores: probability of each technique that the network proposed for this region, best first.
        box: (x1, y1, x2, y2), pixels of the original image, exclusive on the right and below.
        mask: (H, W) bool, the region inside the box; None without a mask branch.
    """

    technique: str
    score: float
    technique_scores: dict[str, float]
    box: tuple[float, float, float, float]
    mask: np.ndarray | None


@dataclass(frozen=True)
class ManipulationResult:
    """What the network says of one image.

    Attributes:
        manipulated: the decision, ``score > threshold``.
        score: of the image, in [0, 1]: the maximum of the map.
        threshold: that the decision was made with.
        detections: best score first.
        manipulation_map: (H, W) float32 in [0, 1], at the image's own resolution.
    """

    manipulated: bool
    score: float
    threshold: float
    detections: tuple[Detection, ...]
    manipulation_map: np.ndarray

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


class ManipulationPredictor:
    """Loads a config's model and weights once and judges images one by one.

    Resizes as Detectron2's DefaultPredictor does, so both give the same instances.
    """

    def __init__(self, cfg):
        """
        Args:
            cfg: from :func:`constrained_rcnn.config.load_config`, with MODEL.WEIGHTS.

        Raises:
            UserError: no weights, or weights that do not fit the config.
        """
        if not cfg.MODEL.WEIGHTS:
            raise UserError("MODEL.WEIGHTS is empty; give a checkpoint: --opts MODEL.WEIGHTS FILE")
        self.cfg = cfg.clone()
        self.model = build_model(self.cfg).eval()
        extra = ManipulationCheckpointer(self.model).load_strictly(cfg.MODEL.WEIGHTS)
        metadata = extra.get("metadata", {})
        self.classes = tuple(metadata.get("classes") or default_classes(cfg.MODEL.ROI_HEADS.NUM_CLASSES))
        configured = cfg.MODEL.MANIPULATION_MAP.DECISION_THRESHOLD
        self.threshold = configured if configured >= 0 else metadata.get("decision_threshold", DEFAULT_THRESHOLD)
        size = cfg.INPUT.MIN_SIZE_TEST
        self._resize = T.ResizeShortestEdge([size, size], cfg.INPUT.MAX_SIZE_TEST)

    def __call__(self, image: str | os.PathLike | np.ndarray) -> ManipulationResult:
        """
        Args:
            image: a file, or an (H, W, 3) uint8 array in BGR order.

        Raises:
            UserError: a file that cannot be read, or a picture with a side below ``MIN_SIDE``.
            ValueError: an array of another shape or dtype.
        """
        name = "image" if isinstance(image, np.ndarray) else image
        if not isinstance(image, np.ndarray):
            image = read_image(image, "BGR", max_pixels=self.cfg.INPUT.MAX_PIXELS)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"image must be (H, W, 3) uint8 in BGR order, not {image.shape} {image.dtype}")
        height, width = image.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise UserError(f"{name}: {width}x{height} pixels; a side below {MIN_SIDE} holds no trace to find")
        pixels = image if self.cfg.INPUT.FORMAT == "BGR" else image[:, :, ::-1]
        pixels = self._resize.get_transform(pixels).apply_image(pixels)
        tensor = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        with torch.inference_mode():
            output = self.model([{"image": tensor, "height": height, "width": width}])[0]
        return self._result(output)

    def _result(self, output: dict) -> ManipulationResult:
        instances = output["instances"].to("cpu")
        masks = instances.pred_masks.numpy() if instances.has("pred_masks") else [None] * len(instances)
        detections = []
        for rows in group_by_region(instances.pred_boxes.tensor, instances.scores):
            best = rows[0]
            named = {self.classes[int(instances.pred_classes[r])]: float(instances.scores[r]) for r in reversed(rows)}
            detections.append(
                Detection(
                    technique=self.classes[int(instances.pred_classes[best])],
                    score=float(_manipulation_scores(instances)[rows].max()),
                    technique_scores=dict(sorted(named.items(), key=lambda item: -item[1])),
                    box=tuple(instances.pred_boxes.tensor[best].tolist()),
                    mask=masks[best],
                )
            )
        score = float(output["manipulation_score"])
        return ManipulationResult(
            manipulated=score > self.threshold,
            score=score,
            threshold=float(self.threshold),
            detections=tuple(sorted(detections, key=lambda d: -d.score)),
            manipulation_map=output["manipulation_map"].cpu().numpy(),
        )


def group_by_region(boxes: torch.Tensor, scores: torch.Tensor) -> list[list[int]]:
    """Groups boxes that mean the same region: non-maximum suppression keeps one box per technique.

    Args:
        boxes: (R, 4) float, XYXY.
        scores: (R,) float.

    Returns:
        Lists of rows, best score first; a box joins the first group whose best box it overlaps by more than
        ``SAME_REGION``.
    """
    overlap = pairwise_iou(Boxes(boxes), Boxes(boxes))
    groups: list[list[int]] = []
    for row in scores.argsort(descending=True).tolist():
        for group in groups:
            if overlap[group[0], row] > SAME_REGION:
                group.append(row)
                break
        else:
            groups.append([row])
    return groups


def _manipulation_scores(instances) -> torch.Tensor:
    return instances.get("manipulation_scores" if instances.has("manipulation_scores") else "scores")


def default_classes(count: int) -> tuple[str, ...]:
    """Class names of a checkpoint that says nothing of them: the techniques, or the single "tampered"."""
    if count == len(TECHNIQUES):
        return TECHNIQUES
    return (TAMPERED,) if count == 1 else tuple(f"class {i}" for i in range(count))


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
