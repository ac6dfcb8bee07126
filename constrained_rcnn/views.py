"""One picture through the network: whole or in tiles, once or as several views (scales, mirrored)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from detectron2.data import transforms as T
from detectron2.structures import Boxes, Instances

from .errors import UserError
from .modeling.manipulation_map import merge_instances
from .tiles import plan_tiles


@dataclass(frozen=True)
class View:
    """How a picture is shown: shortest side and limit of the longest in pixels (0: as it is), and mirrored or not."""

    shortest: int
    longest: int
    mirrored: bool = False


def views_of(cfg) -> list[View]:
    """The views that a config asks for: INPUT's one, or those of TEST.AUG."""
    if not cfg.TEST.AUG.ENABLED:
        return [View(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST)]
    flips = (False, True) if cfg.TEST.AUG.FLIP else (False,)
    return [View(size, cfg.TEST.AUG.MAX_SIZE, flip) for size in cfg.TEST.AUG.MIN_SIZES for flip in flips]


@dataclass(frozen=True)
class Judged:
    """What one view says, in the picture's own pixels.

    Attributes:
        instances: on the CPU, with pred_boxes, scores, pred_classes, and where the model has them soft_masks and
            manipulation_scores; no ``pred_masks``.
        manipulation_map: (H, W) float32 tensor on the CPU, in [0, 1].
        tiles: number of tiles; 1: judged whole.
    """

    instances: Instances
    manipulation_map: torch.Tensor
    tiles: int


def judge_views(model, pixels: np.ndarray, views: list[View], tiles) -> list[Judged]:
    """Judges a picture in every view.

    Args:
        model: a ConstrainedRCNN in evaluation mode.
        pixels: (H, W, 3) uint8 in the model's channel order.
        views: at least one; a model that resizes images itself is shown only whether mirrored or not.
        tiles: the config's ``TEST.TILES``.

    Returns:
        One ``Judged`` per view.
    """
    return [_judge_view(model, pixels, view, tiles) for view in views]


def whole_input(model, pixels: np.ndarray, view: View, tiles) -> dict | None:
    """The model's input where one run over the whole picture is all there is; None where tiles are needed."""
    height, width = pixels.shape[:2]
    shown = pixels[:, ::-1] if view.mirrored else pixels
    if not model.resizes_images:
        if needs_tiles(_resized_shape(height, width, view), tiles):
            return None
        shown = T.ResizeShortestEdge([view.shortest] * 2, view.longest).get_transform(shown).apply_image(shown)
    return _input(shown, height, width)


def finish(output: dict, view: View) -> Judged:
    """The model's output for a whole picture, mirrored back, on the CPU."""
    instances, made = output["instances"].to("cpu"), output["manipulation_map"].cpu()
    return Judged(*_unmirrored(instances, made, view), 1)


def _judge_view(model, pixels, view, tiles) -> Judged:
    whole = whole_input(model, pixels, view, tiles)
    if whole is not None:
        return finish(model([whole])[0], view)
    height, width = pixels.shape[:2]
    shown = pixels[:, ::-1] if view.mirrored else pixels
    if _resized_shape(height, width, view) != (height, width):
        shown = T.ResizeShortestEdge([view.shortest] * 2, view.longest).get_transform(shown).apply_image(shown)
    found, plan = [], plan_tiles(*shown.shape[:2], tiles.SIZE, tiles.OVERLAP)
    for tile in plan:
        part = shown[tile.top : tile.bottom, tile.left : tile.right]
        instances = model([_input(part, *part.shape[:2])])[0]["instances"].to("cpu")
        instances = instances[tile.owns(instances.pred_boxes.tensor)]
        moved = Instances((height, width), **instances.get_fields())
        offset = torch.tensor([tile.left, tile.top, tile.left, tile.top], dtype=torch.float32)
        moved.pred_boxes = Boxes(instances.pred_boxes.tensor + offset)
        found.append(moved)
    together = Instances.cat(found)
    together.pred_boxes.scale(width / shown.shape[1], height / shown.shape[0])
    merged = merge_instances(
        together.pred_boxes.tensor,
        together.soft_masks if together.has("soft_masks") else None,
        manipulation_scores(together) if model.score_weighted else None,
        height,
        width,
    )
    return Judged(*_unmirrored(together, merged, view), len(plan))


def manipulation_scores(instances: Instances) -> torch.Tensor:
    """Probability of any manipulation per instance, (R,) in [0, 1]; the class's where the model has no other."""
    return instances.get("manipulation_scores" if instances.has("manipulation_scores") else "scores")


def _input(shown: np.ndarray, height: int, width: int) -> dict:
    tensor = torch.from_numpy(np.ascontiguousarray(shown.transpose(2, 0, 1)))
    return {"image": tensor, "height": height, "width": width, "paste_masks": False}


def _resized_shape(height: int, width: int, view: View) -> tuple[int, int]:
    if view.shortest == 0:
        return height, width
    shape = T.ResizeShortestEdge.get_output_shape(height, width, view.shortest, view.longest)
    if min(shape) < 1:
        raise UserError(f"{width}x{height} pixels: too narrow to be resized for this network; cut it into parts")
    return shape


def needs_tiles(size: tuple[int, int], tiles) -> bool:
    """Whether a network input of that (height, width) is judged in tiles. Tiles: the config's ``TEST.TILES``."""
    return 0 < tiles.MAX_PIXELS < size[0] * size[1]


def _unmirrored(instances: Instances, made: torch.Tensor, view: View) -> tuple[Instances, torch.Tensor]:
    if not view.mirrored:
        return instances, made
    boxes, width = instances.pred_boxes.tensor, made.shape[1]
    instances.pred_boxes = Boxes(torch.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1))
    if instances.has("soft_masks"):
        instances.soft_masks = instances.soft_masks.flip(-1)
    return instances, made.flip(-1)
