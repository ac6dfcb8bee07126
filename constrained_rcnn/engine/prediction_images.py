"""Images of predictions in TensorBoard while a model trains."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from detectron2.engine import HookBase

from ..data.catalog import dataset_dicts
from ..data.mapper import ManipulationDatasetMapper
from ..data.techniques import TAMPERED
from ..images.reading import read_image, read_mask
from ..inference.test_time_augmentation import DEFAULT_THRESHOLD, default_classes, with_test_time_augmentation
from ..visualization.overlay import LabelledBox, heat, overlay, side_by_side

#: Images shown.
COUNT = 4
#: Height of a row in pixels.
HEIGHT = 200


class PredictionImages(HookBase):
    """Every ``VIS_PERIOD`` iterations: image, truth, map and overlay of the same few images, a row each, named
    "prediction/1" and so on.

    They are manipulated images of the first dataset of DATASETS.TEST, else of DATASETS.TRAIN, evenly spread over it;
    forgeries made on the fly are not shown. Detectron2 draws RPN proposals of training images by the same key. What
    training draws at random does not change.
    """

    def __init__(self, cfg):
        """
        Args:
            cfg: the run's config.
        """
        self.cfg = cfg
        self.period = cfg.VIS_PERIOD
        self.max_pixels = cfg.INPUT.MAX_PIXELS
        self.mapper = ManipulationDatasetMapper(cfg, is_train=False)
        configured = cfg.MODEL.MANIPULATION_MAP.DECISION_THRESHOLD
        self.threshold = configured if configured >= 0 else DEFAULT_THRESHOLD
        merged = cfg.DATASETS.MERGE_TECHNIQUES
        self.classes = (TAMPERED,) if merged else default_classes(cfg.MODEL.ROI_HEADS.NUM_CLASSES)
        names = [*cfg.DATASETS.TEST, *cfg.DATASETS.TRAIN][:1]
        items = [item for name in names for item in dataset_dicts(name) if item.get("annotations")]
        places = np.linspace(0, len(items) - 1, min(COUNT, len(items))).round().astype(int)
        self.items = [items[place] for place in places]

    def after_step(self):
        if (self.trainer.iter + 1) % self.period:
            return
        model = self.trainer.model
        was_training = model.training
        model.eval()
        detector = with_test_time_augmentation(self.cfg, model, self.classes)
        try:
            with torch.no_grad(), _same_random_numbers(next(model.parameters()).device):
                for number, item in enumerate(self.items, 1):
                    row = self._row(item, detector([self.mapper(item)])[0])
                    self.trainer.storage.put_image(f"prediction/{number}", row[:, :, ::-1].transpose(2, 0, 1).copy())
        finally:
            model.train(was_training)

    def _row(self, item: dict, output: dict) -> np.ndarray:
        """Image, truth, map and overlay side by side, (h, w, 3) uint8 BGR."""
        image = read_image(item["file_name"], max_pixels=self.max_pixels)
        manipulation_map = output["manipulation_map"].cpu().numpy()
        panels = [("photo", image)]
        if item.get("mask_file_name"):
            truth = read_mask(item["mask_file_name"], image.shape[:2])
            panels.append(("truth", np.where(truth[:, :, None], 255, 0).astype(np.uint8).repeat(3, 2)))
        panels.append((f"map, maximum {manipulation_map.max():.2f}", heat(manipulation_map)))
        panels.append(("overlay", self._overlay(image, manipulation_map, output["instances"].to("cpu"))))
        return side_by_side(panels, HEIGHT)

    def _overlay(self, image: np.ndarray, manipulation_map: np.ndarray, instances) -> np.ndarray:
        """The map and the boxes above the threshold on the image, drawn at the size it is shown at."""
        scale = HEIGHT / image.shape[0]
        size = (max(1, round(image.shape[1] * scale)), HEIGHT)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        manipulation_map = cv2.resize(manipulation_map, size, interpolation=cv2.INTER_AREA)
        classes, scores = instances.pred_classes.tolist(), instances.scores.tolist()
        boxes = [
            LabelledBox(self.classes[label], score, [side * scale for side in box])
            for label, score, box in zip(classes, scores, instances.pred_boxes.tensor.tolist())
        ]
        return overlay(image, manipulation_map, boxes, self.threshold)


@contextlib.contextmanager
def _same_random_numbers(device: torch.device) -> Iterator[None]:
    """What is drawn inside is not missing outside: Python's, NumPy's and Torch's numbers (resizing draws NumPy's)."""
    # Of this process's device alone: Torch would else take memory on every GPU.
    devices = [device] if device.type == "cuda" else []
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
