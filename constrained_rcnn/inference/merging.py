"""The detections of an image: those of all augmentations merged by region, and copy-moves beside them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from detectron2.structures import Boxes, Instances, pairwise_iou

from ..data.techniques import COPY_MOVE
from ..matching.suspects import CopyMove
from .soft_masks import SoftMasks
from .tiled_inference import manipulation_scores

#: Intersection over union above which two boxes mean one region.
SAME_REGION = 0.5
#: Side of the soft mask of a duplicated region.
COPY_MOVE_MASK_SIDE = 112


def merge_detections(
    predicted: Sequence[Instances],
    copy_moves: Sequence[CopyMove],
    *,
    classes: Sequence[str],
    highest: float,
    technique_margin: float = 0.0,
) -> Instances:
    """One instance per region and finder, best score first.

    Args:
        predicted: of each augmentation, see :class:`.tiled_inference.Prediction`; at least one.
        copy_moves: whose suspects become detections, too.
        classes: the model's class names.
        highest: the image's score in [0, 1]; no region is surer to be manipulated than its image.
        technique_margin: least share of the likeliest technique in all by which it is named.

    Returns:
        Instances of the image's size with

        - pred_boxes, XYXY in the image's pixels;
        - scores, (R,) float64 in [0, 1]: how probable it is that the region is manipulated in whatever way, the mean
          over augmentations, at most ``highest``;
        - pred_classes, (R,) int64: the likeliest technique's class, whether it is sure enough to be named or not. Of a
          copy-move the class of that name; of a model that has none the first;
        - technique_scores, (R, K) float32: probability of each class, NaN where it is not known;
        - technique_named, (R,) bool: whether the likeliest technique is sure enough to be named;
        - from_copy_move, (R,) bool: found by keypoint matching and not by the network;
        - soft_masks, :class:`.soft_masks.SoftMasks`; the same as pred_masks where the model has a mask branch.
    """
    size = predicted[0].image_size
    rows = [*_network_rows(predicted, len(classes), technique_margin), *_copy_move_rows(copy_moves, classes)]
    rows.sort(key=lambda row: -row["score"])
    merged = Instances(size)
    merged.pred_boxes = Boxes(torch.tensor([row["box"] for row in rows], dtype=torch.float32).reshape(-1, 4))
    merged.scores = torch.tensor([min(row["score"], highest) for row in rows], dtype=torch.float64)
    merged.pred_classes = torch.tensor([row["class"] for row in rows], dtype=torch.int64)
    scores = torch.tensor([row["technique_scores"] for row in rows], dtype=torch.float32)
    merged.technique_scores = scores.reshape(-1, len(classes))
    merged.technique_named = torch.tensor([row["named"] for row in rows], dtype=torch.bool)
    merged.from_copy_move = torch.tensor([row["from_copy_move"] for row in rows], dtype=torch.bool)
    merged.soft_masks = SoftMasks([row["soft_mask"] for row in rows], merged.pred_boxes.tensor, size)
    if predicted[0].has("soft_masks"):
        merged.pred_masks = merged.soft_masks
    return merged


def _network_rows(predicted: Sequence[Instances], classes: int, technique_margin: float) -> list[dict]:
    boxes = torch.cat([instances.pred_boxes.tensor for instances in predicted])
    scores = torch.cat([instances.scores for instances in predicted])
    manipulated = torch.cat([manipulation_scores(instances) for instances in predicted]).tolist()
    augmentation = [number for number, instances in enumerate(predicted) for _ in range(len(instances))]
    techniques = torch.cat([_technique_scores(instances, classes) for instances in predicted])
    soft_masks = [mask for instances in predicted for mask in _soft_masks(instances)]
    rows = []
    for group in group_by_region(boxes, scores):
        best = group[0]
        # Classes of which the best box says nothing stay unknown.
        merged = torch.where(techniques[best].isnan(), techniques[best], techniques[group].nan_to_num(0).amax(0))
        known_scores = {index: score for index, score in enumerate(merged.tolist()) if score == score}
        likeliest = max(known_scores, key=known_scores.get)
        # An augmentation in which the region is not seen counts as 0, as it does in the map.
        seen_scores: dict[int, float] = {}
        for row in group:
            seen_scores[augmentation[row]] = max(seen_scores.get(augmentation[row], 0.0), manipulated[row])
        rows.append(
            {
                "score": sum(seen_scores.values()) / len(predicted),
                "box": boxes[best].tolist(),
                "class": likeliest,
                "technique_scores": merged.tolist(),
                "named": known_scores[likeliest] >= technique_margin * sum(known_scores.values()),
                "from_copy_move": False,
                "soft_mask": soft_masks[best],
            }
        )
    return rows


def _technique_scores(instances: Instances, classes: int) -> torch.Tensor:
    """(R, K) float32; of a model that says no more, the class's own score and NaN elsewhere."""
    if instances.has("technique_scores"):
        return instances.technique_scores
    scores = torch.full((len(instances), classes), float("nan"))
    return scores.scatter_(1, instances.pred_classes[:, None], instances.scores[:, None].float())


def _soft_masks(instances: Instances) -> list[np.ndarray | None]:
    return list(instances.soft_masks.numpy()) if instances.has("soft_masks") else [None] * len(instances)


def _copy_move_rows(copy_moves: Sequence[CopyMove], classes: Sequence[str]) -> list[dict]:
    """The suspects of duplicated regions, each once: where there are three, several pairs name the same."""
    rows = []
    label = classes.index(COPY_MOVE) if COPY_MOVE in classes else 0
    for copy_move in copy_moves:
        for name in copy_move.suspects:
            techniques = [float("nan")] * len(classes)
            techniques[label] = copy_move.suspicion
            rows.append(
                {
                    "score": copy_move.suspicion,
                    "box": getattr(copy_move.regions, f"{name}_box"),
                    "class": label,
                    "technique_scores": techniques,
                    "named": True,
                    "from_copy_move": True,
                    "soft_mask": _small_mask(getattr(copy_move.regions, name)),
                }
            )
    if not rows:
        return []
    boxes, scores = torch.tensor([row["box"] for row in rows]), torch.tensor([row["score"] for row in rows])
    return [rows[group[0]] for group in group_by_region(boxes, scores)]


def _small_mask(region: np.ndarray) -> np.ndarray:
    """(h, w) bool -> (M, M) float32 of the region's bounding box."""
    rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
    inside = region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    return cv2.resize(inside, (COPY_MOVE_MASK_SIDE, COPY_MOVE_MASK_SIDE), interpolation=cv2.INTER_LINEAR)


def group_by_region(boxes: torch.Tensor, scores: torch.Tensor) -> list[list[int]]:
    """Groups boxes that mean the same region: non-maximum suppression keeps one box per technique.

    Args:
        boxes: (R, 4) float, XYXY.
        scores: (R,) float.

    Returns:
        Lists of rows, best score first; a box joins the first group whose best box it overlaps by more than
        ``SAME_REGION``.
    """
    remaining = scores.argsort(descending=True)
    groups: list[list[int]] = []
    while len(remaining):  # tiles may bring thousands of boxes: no table of all pairs
        same = pairwise_iou(Boxes(boxes[remaining[:1]]), Boxes(boxes[remaining]))[0] > SAME_REGION
        same[0] = True  # an empty box does not overlap even itself
        groups.append(remaining[same].tolist())
        remaining = remaining[~same]
    return groups
