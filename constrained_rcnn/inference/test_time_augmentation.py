"""The one way from an image to its map, score and detections, with the model's own interface.

Prediction, evaluation, robustness and demo all go through :class:`ConstrainedRCNNWithTTA`, so that every metric, AP
included, measures what a user gets.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Union

import numpy as np
import torch
from PIL import Image

from ..data.techniques import TAMPERED, TECHNIQUES
from ..images.reading import check_image, load_image
from ..modeling.meta_arch import ConstrainedRCNN
from ..utils.errors import UserError
from .augmentations import augmentations_of
from .decision import DEFAULT_THRESHOLD, conclude
from .image_class import jpeg_quality
from .merging import merge_detections
from .processes import before_prediction
from .tiled_inference import Prediction, number_of_runs, predict, whole_input

#: What can be read: a file's path, its content, an open file, Pillow's image, or (H, W, 3) uint8 BGR.
ImageSource = Union[str, os.PathLike, bytes, BinaryIO, Image.Image, np.ndarray]
#: Is told how many runs of the network an image has behind it, and how many it takes.
Progress = Callable[[int, int], None]


class ConstrainedRCNNWithTTA(torch.nn.Module):
    """A ConstrainedRCNN with all that happens at test time: list of dataset dicts in, list of outputs out.

    Each image is shown to the network as the config asks for (INPUT's test size or ``TEST.AUG``, and
    ``TEST.REDUCE_ABOVE``), whole or in tiles (``TEST.TILES``); the maps are averaged; duplicated regions are looked for
    and fused into the map (``TEST.REPEATS``); the operating points of the checkpoint, where it has any, decide; and the
    detections of all augmentations are merged by region.
    """

    def __init__(
        self, cfg, model: torch.nn.Module, *, classes: Sequence[str] | None = None, threshold: float | None = None
    ):
        """
        Args:
            cfg: the model's config.
            model: a ConstrainedRCNN, or one wrapped for several processes.
            classes: its class names; None: :func:`default_classes`.
            threshold: of the score, for a checkpoint without operating points, where
                MODEL.MANIPULATION_MAP.DECISION_THRESHOLD has none; None: ``DEFAULT_THRESHOLD``.

        Raises:
            UserError: a model without manipulation map, or test-time augmentation of one that resizes images itself.
        """
        super().__init__()
        self.cfg = cfg.clone()
        self.model = getattr(model, "module", model)
        if not hasattr(self.model, "resizes_images"):
            raise UserError(f"MODEL.META_ARCHITECTURE {cfg.MODEL.META_ARCHITECTURE}: gives no manipulation map; "
                            "set it to ConstrainedRCNN")  # fmt: skip
        self.classes = tuple(classes or default_classes(cfg.MODEL.ROI_HEADS.NUM_CLASSES))
        configured = cfg.MODEL.MANIPULATION_MAP.DECISION_THRESHOLD
        if configured >= 0:
            threshold = configured
        elif threshold is None or self.operating_points is not None:  # they shift scores to the default threshold
            threshold = DEFAULT_THRESHOLD
        self.threshold = float(threshold)
        self.augmentations = augmentations_of(cfg)
        if self.model.resizes_images and cfg.TEST.AUG.ENABLED:
            raise UserError("config: this model resizes images itself; set TEST.AUG.ENABLED False")

    @property
    def operating_points(self):
        """The checkpoint's :class:`.operating_points.OperatingPoints`, or None."""
        return getattr(self.model, "operating_points", None)

    def read(self, image: ImageSource, page: int | None = None) -> dict:
        """An image as a dataset dict in memory.

        Args:
            image: a file and the like, read by the rules of :mod:`..images.reading`; or an (H, W, 3) uint8 array, BGR.
            page: page or frame of a file, from 1; None: the first, of HEIF the primary one.

        Returns:
            "pixels", (H, W, 3) uint8, RGB as wherever a dataset dict holds pixels; "height" and "width";
            "jpeg_quality", of the JPEG it was read from, or None; and "reading", what was done to the file's content on
            the way to the pixels, or None.

        Raises:
            UserError: a file that cannot be read.
            ValueError: an array of another shape or dtype.
            RuntimeError: in a forked process that would hang, see :mod:`.processes`.
        """
        before_prediction(self.model.device)
        source, quality, reading = image, None, None
        if not isinstance(source, np.ndarray):
            image, reading = load_image(source, "BGR", page=page, max_pixels=self.cfg.INPUT.MAX_PIXELS)
            quality = jpeg_quality(source)  # of what can be read: the other way round a pipe would be waited for
        height, width = check_image(image).shape[:2]
        pixels = image[:, :, ::-1]  # a view: BGR again, without a copy, in _bgr
        return {"pixels": pixels, "height": height, "width": width, "jpeg_quality": quality, "reading": reading}

    def forward(self, batched_inputs: Sequence[dict], progress: Progress | None = None) -> list[dict]:
        """
        Args:
            batched_inputs: dataset dicts, each with what :meth:`read` gives or with "file_name"; an "image" that a
                mapper has resized is not used. Images that need one run each go through the network together.
            progress: called with (runs of the network done, runs in all) of each image that needs several: first with
                none done, then after each.

        Returns:
            Of each image a dict with

            - "instances": on the CPU, see :func:`.merging.merge_detections`;
            - "manipulation_map": (H, W) float32 tensor on the CPU in [0, 1], at the image's own resolution;
            - "manipulation_score": the image's score, float in [0, 1];
            - "image_decision": :class:`.decision.Decision`;
            - "copy_moves": tuple of :class:`..matching.suspects.CopyMove`; None where they are not looked for;
            - "duplicated_regions": all pairs that the copy-moves were chosen from, doubtful ones, too; None likewise;
            - "network_map": the map before copy-moves were fused into it, reduced; None where it is the map itself;
            - "augmentations" and "tiles": how many there were, and runs of the network over all of them.
        """
        inputs = [item if "pixels" in item else {**item, **self.read(item["file_name"])} for item in batched_inputs]
        return [self._output(item, predictions) for item, predictions in zip(inputs, self._predict(inputs, progress))]

    def _predict(self, inputs: list[dict], progress: Progress | None) -> list[Iterable[Prediction]]:
        """Of each image its predictions, one per augmentation; made one after the other, as they are asked for."""
        tiles = self.cfg.TEST.TILES
        if len(self.augmentations) == 1 and inputs:
            (augmentation,) = self.augmentations
            whole_inputs = [whole_input(self.model, self._in_model_order(item), augmentation, tiles) for item in inputs]
            if None not in whole_inputs:
                widths = [item["pixels"].shape[1] for item in inputs]
                outputs = zip(self.model(whole_inputs), widths)
                return [[Prediction.of_whole(output, augmentation, width)] for output, width in outputs]
        return [self._augmented(self._in_model_order(item), progress) for item in inputs]

    def _augmented(self, pixels: np.ndarray, progress: Progress | None) -> Iterator[Prediction]:
        tiles, (height, width) = self.cfg.TEST.TILES, pixels.shape[:2]
        total = sum(number_of_runs(self.model, height, width, planned, tiles) for planned in self.augmentations)
        finished = itertools.count()

        def on_run() -> None:
            if progress is not None and total > 1:
                progress(next(finished), total)

        on_run()
        for augmentation in self.augmentations:
            yield predict(self.model, pixels, augmentation, tiles, on_run)

    def _in_model_order(self, item: dict) -> np.ndarray:
        return _bgr(item) if self.cfg.INPUT.FORMAT == "BGR" else item["pixels"]

    def _output(self, item: dict, predictions: Iterable[Prediction]) -> dict:
        total, tiles, instances, decisions = None, 0, [], []
        for prediction in predictions:  # one map at a time, added up in place
            total = prediction.manipulation_map if total is None else total.add_(prediction.manipulation_map)
            tiles += prediction.tiles
            instances.append(prediction.instances)
            decisions.append(prediction.decision)
            del prediction  # or its map would stay while the next one is made
        if len(instances) > 1:
            total.div_(len(instances))
        points = self.operating_points
        conclusion = conclude(
            points, decisions, total.numpy(), _bgr(item), item.get("jpeg_quality"), self.threshold,
            look_for_copy_moves=self.cfg.TEST.REPEATS,
        )  # fmt: skip
        merged = merge_detections(
            instances,
            conclusion.copy_moves or (),
            classes=self.classes,
            highest=conclusion.decision.score,
            technique_margin=0.0 if points is None else points.technique_margin,
        )
        return {
            "instances": merged,
            "manipulation_map": total,
            "manipulation_score": conclusion.decision.score,
            "image_decision": conclusion.decision,
            "copy_moves": conclusion.copy_moves,
            "duplicated_regions": conclusion.duplicated_regions,
            "network_map": conclusion.network_map,
            "augmentations": len(instances),
            "tiles": tiles,
        }


def with_test_time_augmentation(cfg, model: torch.nn.Module, classes: Sequence[str] | None = None) -> torch.nn.Module:
    """A ConstrainedRCNN as users get it; a model of another architecture as it is. Its mode does not change.

    Args:
        cfg, model, classes: see :class:`ConstrainedRCNNWithTTA`.
    """
    if not isinstance(getattr(model, "module", model), ConstrainedRCNN):
        return model
    return ConstrainedRCNNWithTTA(cfg, model, classes=classes)


def network_alone(cfg, *, augmented: bool = True):
    """A copy of a config without copy-move detection and, unless ``augmented``, without test-time augmentation."""
    cfg = cfg.clone()
    cfg.defrost()
    cfg.TEST.REPEATS = False
    cfg.TEST.AUG.ENABLED = cfg.TEST.AUG.ENABLED and augmented
    return cfg


def default_classes(count: int) -> tuple[str, ...]:
    """Class names of a checkpoint that says nothing of them: the techniques, or the single "tampered"."""
    if count == len(TECHNIQUES):
        return TECHNIQUES
    return (TAMPERED,) if count == 1 else tuple(f"class {i}" for i in range(count))


def _bgr(item: dict) -> np.ndarray:
    """(H, W, 3) uint8, BGR, C-contiguous; no copy of what :meth:`ConstrainedRCNNWithTTA.read` has read."""
    return np.ascontiguousarray(item["pixels"][:, :, ::-1])
