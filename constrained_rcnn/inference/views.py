"""One picture through the network: whole or in tiles, once or as several views (scales, mirrored)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from detectron2.data import transforms as T
from detectron2.structures import Boxes, Instances

from ..modeling.manipulation_map import fuse_maps, merge_instances, resize_map
from ..utils.errors import UserError
from .tiles import plan_tiles

#: Rows of a map that are mirrored at a time.
_ROWS = 512


@dataclass(frozen=True)
class View:
    """How a picture is shown.

    Attributes:
        shortest, longest: shortest side and limit of the longest in pixels; 0: as it is.
        mirrored: left to right.
        largest: most pixels; what would be larger is reduced, each new pixel the mean of those it covers. 0: no limit.
    """

    shortest: int
    longest: int
    mirrored: bool = False
    largest: int = 0

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which a picture of that size is shown.

        Raises:
            UserError: a picture so narrow that nothing would be left of it.
        """
        shape = (height, width)
        if self.shortest:
            shape = T.ResizeShortestEdge.get_output_shape(height, width, self.shortest, self.longest)
        if 0 < self.largest < shape[0] * shape[1]:
            factor = (self.largest / (shape[0] * shape[1])) ** 0.5
            shape = tuple(round(side * factor) for side in shape)
        if min(shape) < 1:
            raise UserError(f"{width}x{height} pixels: too narrow to be resized for this network; cut it into parts")
        return shape

    def show(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> (h, w, 3) uint8, as the network is to see it."""
        shown = pixels[:, ::-1] if self.mirrored else pixels
        if self.shortest:
            shown = T.ResizeShortestEdge([self.shortest] * 2, self.longest).get_transform(shown).apply_image(shown)
        shape = self.shape(*pixels.shape[:2])
        if shown.shape[:2] != shape:
            shown = cv2.resize(shown, shape[::-1], interpolation=cv2.INTER_AREA)
        return shown


def views_of(cfg) -> list[View]:
    """The views that a config asks for: INPUT's one, or those of TEST.AUG."""
    largest = cfg.TEST.REDUCE_ABOVE
    if not cfg.TEST.AUG.ENABLED:
        return [View(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST, False, largest)]
    flips = (False, True) if cfg.TEST.AUG.FLIP else (False,)
    return [View(size, cfg.TEST.AUG.MAX_SIZE, flip, largest) for size in cfg.TEST.AUG.MIN_SIZES for flip in flips]


@dataclass(frozen=True)
class Judged:
    """What one view says, in the picture's own pixels.

    Attributes:
        instances: on the CPU, with pred_boxes, scores, pred_classes, and where the model has them soft_masks and
            manipulation_scores; no ``pred_masks``.
        manipulation_map: (H, W) float32 tensor on the CPU, in [0, 1].
        decision: of the model's decision head about the image, in [0, 1]; of a tiled image that of its highest tile.
            None: the model has no such head.
        tiles: number of tiles; 1: judged whole.
    """

    instances: Instances
    manipulation_map: torch.Tensor
    decision: float | None
    tiles: int


def judge_views(model, pixels: np.ndarray, views: list[View], tiles) -> Iterator[Judged]:
    """Judges a picture in every view, one after the other as they are asked for: every map is as large as the picture.

    Args:
        model: a ConstrainedRCNN in evaluation mode.
        pixels: (H, W, 3) uint8 in the model's channel order.
        views: at least one; a model that resizes images itself is shown only whether mirrored or not.
        tiles: the config's ``TEST.TILES``.

    Returns:
        One ``Judged`` per view, in their order.
    """
    return (_judge_view(model, pixels, view, tiles) for view in views)


def whole_input(model, pixels: np.ndarray, view: View, tiles) -> dict | None:
    """The model's input where one run over the whole picture is all there is; None where tiles are needed."""
    height, width = pixels.shape[:2]
    if model.resizes_images:
        return _input(pixels[:, ::-1] if view.mirrored else pixels, height, width)
    if needs_tiles(view.shape(height, width), tiles):
        return None
    return _input(view.show(pixels), height, width)


def finish(output: dict, view: View) -> Judged:
    """The model's output for a whole picture, mirrored back, on the CPU."""
    instances, made = output["instances"].to("cpu"), output["manipulation_map"].cpu()
    return Judged(*_unmirrored(instances, made, view), output.get("decision"), 1)


def _judge_view(model, pixels, view, tiles) -> Judged:
    whole = whole_input(model, pixels, view, tiles)
    if whole is not None:
        return finish(model([whole])[0], view)
    height, width = pixels.shape[:2]
    shown = view.show(pixels)
    found, dense, decisions = [], None, []
    plan = plan_tiles(*shown.shape[:2], tiles.SIZE, tiles.OVERLAP)
    for tile in plan:
        part = shown[tile.top : tile.bottom, tile.left : tile.right]
        output = model([_input(part, *part.shape[:2])])[0]
        decisions.append(output.get("decision"))
        if output.get("dense_map") is not None:
            dense = torch.zeros(shown.shape[:2]) if dense is None else dense
            window, inner = tile.core_windows()
            dense[window] = output["dense_map"].cpu()[inner]
        instances = output["instances"].to("cpu")
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
    if dense is not None:
        merged = fuse_maps(merged, resize_map(dense, (height, width)), model.fusion, model.exponent)
    decision = None if None in decisions else max(decisions)
    return Judged(*_unmirrored(together, merged, view), decision, len(plan))


def manipulation_scores(instances: Instances) -> torch.Tensor:
    """Probability of any manipulation per instance, (R,) in [0, 1]; the class's where the model has no other."""
    return instances.get("manipulation_scores" if instances.has("manipulation_scores") else "scores")


def _input(shown: np.ndarray, height: int, width: int) -> dict:
    tensor = torch.from_numpy(np.ascontiguousarray(shown.transpose(2, 0, 1)))
    return {"image": tensor, "height": height, "width": width, "paste_masks": False}


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
    for strip in made.split(_ROWS):  # in place: a large picture's map is not copied
        strip.copy_(strip.flip(-1))
    return instances, made
