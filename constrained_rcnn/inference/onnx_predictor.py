"""From an image to a decision by an exported network: what :class:`.predictor.ManipulationPredictor` does, without
Torch and Detectron2."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from ..images.reading import check_image, load_image
from ..utils.dependencies import require
from ..utils.errors import UserError
from .augmentations import Augmentation
from .decision import conclude
from .image_class import jpeg_quality
from .operating_points import KEY, OperatingPoints
from .regions import FoundRegions, merge_regions
from .result import ManipulationResult, detections_of_regions

#: Smallest side of an image, pixels, as of the predictor.
MIN_SIDE = 16


class OnnxPredictor:
    """Loads a network that ``constrained-rcnn export --format onnx`` wrote and predicts images, one record each."""

    def __init__(self, path: str | os.PathLike, threads: int = 0):
        """
        Args:
            path: of the ONNX file.
            threads: that the network uses; 0: as many as there are cores.

        Raises:
            UserError: no such file, another file, or ONNX Runtime is missing.
        """
        require("onnxruntime", "onnxruntime", "exported networks")
        from .onnx_runner import Network

        if not os.path.isfile(path):
            raise UserError(f"{path}: no such file; write it: constrained-rcnn export --format onnx --output FILE")
        try:
            self.network = Network(os.fspath(path), threads)
            self.about = self.network.about
            self.augmentations = [Augmentation(**one) for one in self.about["augmentations"]]
            self.points = OperatingPoints.from_metadata({KEY: self.about["operating_points"]})
        except Exception as error:  # ONNX Runtime's are of many kinds
            raise UserError(f"{path}: not a network that this package exported ({type(error).__name__})") from error
        self.classes = tuple(self.about["classes"])
        self.threshold = float(self.about["threshold"])

    def __call__(
        self, image, page: int | None = None, progress: Callable[[int, int], None] | None = None
    ) -> ManipulationResult:
        """As :meth:`.predictor.ManipulationPredictor.__call__`.

        Raises:
            UserError: a file that cannot be read, an image that is too small, or one that the network does not take.
        """
        quality, reading, name = None, None, image if isinstance(image, (str, os.PathLike)) else "image"
        if not isinstance(image, np.ndarray):
            source = image
            image, reading = load_image(source, "BGR", page=page, max_pixels=self.about["max_pixels"])
            quality = jpeg_quality(source)
        height, width = check_image(image).shape[:2]
        if min(height, width) < MIN_SIDE:
            raise UserError(f"{name}: {width}x{height} pixels; a side below {MIN_SIDE} holds no trace to find")
        if max(height, width) == MIN_SIDE:
            raise UserError(f"{name}: {width}x{height} pixels; too small for an exported network")
        image = np.ascontiguousarray(image)
        total, found, decisions = self._predict(image, progress)
        conclusion = conclude(
            self.points, decisions, total, image, quality, self.threshold, look_for_copy_moves=self.about["copy_moves"]
        )
        margin = 0.0 if self.points is None else self.points.technique_margin
        decision = conclusion.decision
        regions = merge_regions(found, conclusion.copy_moves or (), classes=self.classes, technique_margin=margin)
        return ManipulationResult(
            manipulated=decision.manipulated,
            score=decision.score,
            threshold=decision.threshold,
            detections=detections_of_regions(regions, self.classes, (height, width), decision.score),
            manipulation_map=total,
            image=image,
            views=len(found),
            tiles=len(found),
            rarity=decision.rarity,
            unsuitable=decision.unsuitable,
            copy_moves=conclusion.copy_moves,
            reading=reading,
            duplicated_regions=conclusion.duplicated_regions,
            network=decision.network,
            network_map=conclusion.network_map,
        )

    def _predict(self, image: np.ndarray, progress) -> tuple[np.ndarray, list[FoundRegions], Sequence[float | None]]:
        """The mean map, and of each augmentation its regions and the decision head's word."""
        total, found, decisions = None, [], []
        for number, augmentation in enumerate(self.augmentations):
            if progress is not None and len(self.augmentations) > 1:
                progress(number, len(self.augmentations))
            regions, manipulation_map, decision = self._augmented(image, augmentation)
            total = manipulation_map if total is None else np.add(total, manipulation_map, out=total)
            found.append(regions)
            decisions.append(decision)
        if len(found) > 1:
            np.divide(total, np.float32(len(found)), out=total)
            if progress is not None:
                progress(len(found), len(found))
        return total, found, decisions

    def _augmented(self, image: np.ndarray, augmentation: Augmentation):
        height, width = image.shape[:2]
        if augmentation.shortest:
            raise UserError("this network was trained with INPUT.MIN_SIZE_TEST or TEST.AUG.MIN_SIZES above 0, which "
                            "needs Torch: constrained-rcnn detect")  # fmt: skip
        shape, size = augmentation.output_shape(height, width), self.about["size"]
        if size and list(shape) != size:
            raise UserError(
                f"{width}x{height} pixels: this network takes {size[1]}x{size[0]} alone; export one for any"
            )
        if 0 < self.about["tiles_above"] < shape[0] * shape[1]:
            raise UserError(
                f"{width}x{height} pixels: needs tiles (TEST.TILES), which need Torch: constrained-rcnn detect"
            )
        output = self.network(augmentation.apply(image), augmentation.padded_shape(height, width))
        boxes, manipulation_map, masks = output["boxes"], output["manipulation_map"], output["masks"]
        seen = np.ones(len(boxes), bool)
        if augmentation.mirrored:  # as Augmentation.undo
            padded = manipulation_map.shape[1]
            x1, x2 = padded - boxes[:, 2], padded - boxes[:, 0]
            boxes = np.stack([x1, boxes[:, 1], np.minimum(x2, np.float32(width)), boxes[:, 3]], 1)
            seen = x1 < width
            masks = masks if masks is None else masks[:, :, ::-1]
            manipulation_map = np.ascontiguousarray(manipulation_map[:, ::-1][:, :width])
        masks = [None] * len(boxes) if masks is None else list(masks)
        regions = FoundRegions(
            boxes[seen],
            output["scores"][seen],
            output["manipulation_scores"][seen],
            output["technique_scores"][seen],
            [mask for mask, is_seen in zip(masks, seen) if is_seen],
        )
        return regions, manipulation_map, output["decision"]
