"""One augmented image through the network, whole or in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from detectron2.structures import Boxes, Instances

from ..modeling.manipulation_map import fuse_maps, merge_instances, resize_map
from .augmentations import Augmentation
from .tiles import plan_tiles


@dataclass(frozen=True)
class Prediction:
    """What the network says of one augmented image, in the original image's pixels.

    Attributes:
        instances: on the CPU, with pred_boxes, scores, pred_classes, and where the model has them soft_masks,
            technique_scores and manipulation_scores; no ``pred_masks``.
        manipulation_map: (H, W) float32 tensor on the CPU, in [0, 1].
        decision: of the model's decision head about the image, in [0, 1]; of a tiled image that of its highest tile.
            None: the model has no such head.
        tiles: runs of the network; 1: the image was not tiled.
    """

    instances: Instances
    manipulation_map: torch.Tensor
    decision: float | None
    tiles: int

    @classmethod
    def of_whole(cls, output: dict, augmentation: Augmentation, width: int) -> Prediction:
        """From the model's output for :func:`whole_input` of an image that is ``width`` pixels wide."""
        instances, manipulation_map = augmentation.undo(
            output["instances"].to("cpu"), output["manipulation_map"].cpu(), width
        )
        return cls(instances, manipulation_map, output.get("decision"), 1)


def predict(
    model, pixels: np.ndarray, augmentation: Augmentation, tiles, on_run: Callable[[], None] = lambda: None
) -> Prediction:
    """Runs the network on an augmented image.

    Args:
        model: a ConstrainedRCNN in evaluation mode.
        pixels: (H, W, 3) uint8 in the model's channel order.
        augmentation: of a model that resizes images itself the mirroring alone is used.
        tiles: the config's ``TEST.TILES``.
        on_run: called after each run of the network.
    """
    model_input = whole_input(model, pixels, augmentation, tiles)
    if model_input is None:
        return _predict_tiles(model, pixels, augmentation, tiles, on_run)
    prediction = Prediction.of_whole(model([model_input])[0], augmentation, pixels.shape[1])
    on_run()
    return prediction


def number_of_runs(model, height: int, width: int, augmentation: Augmentation, tiles) -> int:
    """How many runs of the network :func:`predict` takes for an image of that size."""
    if model.resizes_images:
        return 1
    shape = augmentation.output_shape(height, width)
    return len(plan_tiles(*shape, tiles.SIZE, tiles.OVERLAP)) if 0 < tiles.MAX_PIXELS < shape[0] * shape[1] else 1


def whole_input(model, pixels: np.ndarray, augmentation: Augmentation, tiles) -> dict | None:
    """The model's input where one run over the whole image is all there is; None where tiles are needed."""
    height, width = pixels.shape[:2]
    if model.resizes_images:
        return _model_input(pixels[:, ::-1] if augmentation.mirrored else pixels, height, width)
    input_height, input_width = augmentation.output_shape(height, width)
    if 0 < tiles.MAX_PIXELS < input_height * input_width:
        return None
    return _model_input(augmentation.apply(pixels), *augmentation.padded_shape(height, width))


def manipulation_scores(instances: Instances) -> torch.Tensor:
    """Probability of any manipulation per instance, (R,) in [0, 1]; the class's where the model has no other."""
    return instances.get("manipulation_scores" if instances.has("manipulation_scores") else "scores")


def _predict_tiles(model, pixels: np.ndarray, augmentation: Augmentation, tiles, on_run) -> Prediction:
    height, width = augmentation.padded_shape(*pixels.shape[:2])
    augmented = augmentation.apply(pixels)
    parts, dense, decisions = [], None, []
    plan = plan_tiles(*augmented.shape[:2], tiles.SIZE, tiles.OVERLAP)
    for tile in plan:
        part = augmented[tile.top : tile.bottom, tile.left : tile.right]
        output = model([_model_input(part, *part.shape[:2])])[0]
        decisions.append(output.get("decision"))
        if output.get("dense_map") is not None:
            dense = torch.zeros(augmented.shape[:2]) if dense is None else dense
            window, inner = tile.core_windows()
            dense[window] = output["dense_map"].cpu()[inner]
        instances = output["instances"].to("cpu")
        instances = instances[tile.owns(instances.pred_boxes.tensor)]
        moved = Instances((height, width), **instances.get_fields())
        offset = torch.tensor([tile.left, tile.top, tile.left, tile.top], dtype=torch.float32)
        moved.pred_boxes = Boxes(instances.pred_boxes.tensor + offset)
        parts.append(moved)
        on_run()
    instances = Instances.cat(parts)
    instances.pred_boxes.scale(width / augmented.shape[1], height / augmented.shape[0])
    manipulation_map = merge_instances(
        instances.pred_boxes.tensor,
        instances.soft_masks if instances.has("soft_masks") else None,
        manipulation_scores(instances) if model.score_weighted else None,
        height,
        width,
    )
    if dense is not None:
        dense = resize_map(dense, (height, width))
        manipulation_map = fuse_maps(manipulation_map, dense, model.fusion, model.exponent)
    instances, manipulation_map = augmentation.undo(instances, manipulation_map, pixels.shape[1])
    decision = None if None in decisions else max(decisions)
    return Prediction(instances, manipulation_map, decision, len(plan))


def _model_input(augmented: np.ndarray, height: int, width: int) -> dict:
    tensor = torch.from_numpy(np.ascontiguousarray(augmented.transpose(2, 0, 1)))
    return {"image": tensor, "height": height, "width": width, "paste_masks": False}
