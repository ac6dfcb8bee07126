"""The detections of an image: those of all augmentations merged by region, and copy-moves beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from ..matching.suspects import CopyMove
from .regions import FoundRegions, merge_regions
from .soft_masks import SoftMasks
from .tiled_inference import manipulation_scores


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
    found = [_found_regions(instances, len(classes)) for instances in predicted]
    regions = merge_regions(found, copy_moves, classes=classes, technique_margin=technique_margin)
    merged = Instances(size)
    merged.pred_boxes = Boxes(torch.tensor([region.box for region in regions], dtype=torch.float32).reshape(-1, 4))
    merged.scores = torch.tensor([min(region.score, highest) for region in regions], dtype=torch.float64)
    merged.pred_classes = torch.tensor([region.label for region in regions], dtype=torch.int64)
    scores = torch.tensor([region.technique_scores for region in regions], dtype=torch.float32)
    merged.technique_scores = scores.reshape(-1, len(classes))
    merged.technique_named = torch.tensor([region.named for region in regions], dtype=torch.bool)
    merged.from_copy_move = torch.tensor([region.from_copy_move for region in regions], dtype=torch.bool)
    merged.soft_masks = SoftMasks([region.soft_mask for region in regions], merged.pred_boxes.tensor, size)
    if predicted[0].has("soft_masks"):
        merged.pred_masks = merged.soft_masks
    return merged


def _found_regions(instances: Instances, classes: int) -> FoundRegions:
    return FoundRegions(
        instances.pred_boxes.tensor.numpy(),
        instances.scores.numpy(),
        manipulation_scores(instances).numpy(),
        _technique_scores(instances, classes).numpy(),
        _soft_masks(instances),
    )


def _technique_scores(instances: Instances, classes: int) -> torch.Tensor:
    """(R, K) float32; of a model that says no more, the class's own score and NaN elsewhere."""
    if instances.has("technique_scores"):
        return instances.technique_scores
    scores = torch.full((len(instances), classes), float("nan"))
    return scores.scatter_(1, instances.pred_classes[:, None], instances.scores[:, None].float())


def _soft_masks(instances: Instances) -> list[np.ndarray | None]:
    return list(instances.soft_masks.numpy()) if instances.has("soft_masks") else [None] * len(instances)
