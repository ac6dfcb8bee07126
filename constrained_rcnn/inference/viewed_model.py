"""The model as evaluation sees it when the config asks for several views or tiles: same inputs, same outputs."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from detectron2.layers import batched_nms, paste_masks_in_image
from detectron2.structures import Instances

from ..images.reading import read_image
from ..matching.suspects import copy_move_found, judge_repeats, raise_map
from ..modeling.manipulation_map import image_score
from ..modeling.meta_arch import ConstrainedRCNN
from .decision import decide
from .image_class import jpeg_quality
from .processes import before_prediction
from .views import judge_views, needs_tiles, views_of


def as_evaluated(model: torch.nn.Module, cfg) -> torch.nn.Module:
    """A ConstrainedRCNN, or one wrapped for several processes, as a ViewedModel; another model as it is."""
    return ViewedModel(model, cfg) if isinstance(getattr(model, "module", model), ConstrainedRCNN) else model


class ViewedModel(torch.nn.Module):
    """Judges images of a test loader as the predictor does.

    An image that needs neither several views nor tiles goes through the model as it came; any other is taken from its
    ``pixels``, (H, W, 3) uint8 in the order of INPUT.FORMAT, or read again from its ``file_name``. So is one in which
    regions that occur twice may raise the map. Its instances are those of all views, less what non-maximum suppression
    by class takes out.
    """

    def __init__(self, model: torch.nn.Module, cfg):
        """
        Args:
            model: a ConstrainedRCNN, or one wrapped for several processes.
            cfg: its config.
        """
        super().__init__()
        self.model = getattr(model, "module", model)
        self.cfg = cfg

    def forward(self, batched_inputs: list[dict]) -> list[dict]:
        """As ConstrainedRCNN in evaluation mode."""
        return [self._result(item) for item in batched_inputs]

    def _result(self, item: dict) -> dict:
        pixels = functools.cache(functools.partial(self._pixels, item))  # decoded once, and only where needed
        output = self._judge(item, pixels)
        points = getattr(self.model, "operating_points", None)
        if self.cfg.TEST.REPEATS or points is not None:
            self._decide(item, output, pixels(), points)
        return output

    def _pixels(self, item: dict) -> np.ndarray:
        """(H, W, 3) uint8 in the order of INPUT.FORMAT."""
        pixels = item.get("pixels")
        if pixels is None:
            pixels = read_image(item["file_name"], self.cfg.INPUT.FORMAT, max_pixels=self.cfg.INPUT.MAX_PIXELS)
        return pixels

    def _decide(self, item: dict, output: dict, pixels: np.ndarray, points) -> None:
        """Raises the map where regions occur twice, if asked for, and scores the image as the predictor does."""
        made = output["manipulation_map"].cpu().numpy()
        bgr = pixels if self.cfg.INPUT.FORMAT == "BGR" else np.ascontiguousarray(pixels[:, :, ::-1])
        network = output["manipulation_score"]
        repeats = judge_repeats(bgr, made) if self.cfg.TEST.REPEATS else ()
        raise_map(made, repeats)
        output["manipulation_map"] = torch.from_numpy(made)
        quality = None if "pixels" in item else jpeg_quality(item["file_name"])
        fused = float(made.max()) if output.get("decision") is None else network
        configured = self.cfg.MODEL.MANIPULATION_MAP.DECISION_THRESHOLD
        threshold = configured if configured >= 0 else 0.5  # where operating points have put it
        found = copy_move_found(repeats)
        output["manipulation_score"] = decide(points, network, fused, bgr, quality, found, threshold).score

    def _judge(self, item: dict, read: Callable[[], np.ndarray]) -> dict:
        before_prediction(self.model.device)
        cfg = self.cfg
        size = tuple(item["image"].shape[-2:])
        whole = self.model.resizes_images or not (0 < cfg.TEST.REDUCE_ABOVE < size[0] * size[1])
        if not cfg.TEST.AUG.ENABLED and whole and (self.model.resizes_images or not needs_tiles(size, cfg.TEST.TILES)):
            return self.model([item])[0]
        pixels = read()
        views = views_of(cfg)
        made, instances, decisions = None, [], []
        for one in judge_views(self.model, pixels, views, cfg.TEST.TILES):
            made = one.manipulation_map if made is None else made.add_(one.manipulation_map)
            instances.append(one.instances)
            decisions.append(one.decision)
        made /= len(views)
        found = Instances.cat(instances)
        threshold = cfg.MODEL.ROI_HEADS.NMS_THRESH_TEST
        keep = batched_nms(found.pred_boxes.tensor, found.scores, found.pred_classes, threshold)
        found = found[keep[: cfg.TEST.DETECTIONS_PER_IMAGE]]
        if found.has("soft_masks"):
            found.pred_masks = paste_masks_in_image(found.soft_masks, found.pred_boxes.tensor, pixels.shape[:2])
        decision = None if None in decisions else float(np.mean(decisions))
        score = image_score(made) if decision is None else decision
        return {"instances": found, "manipulation_map": made, "manipulation_score": score, "decision": decision}
