"""Pictures of predictions in TensorBoard while a model trains."""

from __future__ import annotations

import numpy as np
import torch
from detectron2.engine import HookBase

from .data.catalog import dataset_dicts
from .data.image_io import read_image, read_mask
from .data.mapper import ManipulationDatasetMapper
from .report import heat, side_by_side

#: Pictures shown.
COUNT = 4
#: Height of a row in pixels.
HEIGHT = 200


class PredictionImages(HookBase):
    """Every ``VIS_PERIOD`` iterations: photo, truth and map of the same few images, a row each, named "prediction/1"
    and so on.

    They are manipulated images of the first dataset of DATASETS.TEST, else of DATASETS.TRAIN, evenly spread over it;
    forgeries made on the fly are not shown. Detectron2 draws RPN proposals of training images by the same key. What
    training draws at random does not change.
    """

    def __init__(self, cfg):
        """
        Args:
            cfg: the run's config.
        """
        self.period = cfg.VIS_PERIOD
        self.max_pixels = cfg.INPUT.MAX_PIXELS
        self.mapper = ManipulationDatasetMapper(cfg, is_train=False)
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
        try:
            with torch.no_grad(), torch.random.fork_rng():
                for number, item in enumerate(self.items, 1):
                    made = model([self.mapper(item)])[0]["manipulation_map"].cpu().numpy()
                    picture = self._row(item, made)[:, :, ::-1].transpose(2, 0, 1).copy()
                    self.trainer.storage.put_image(f"prediction/{number}", picture)
        finally:
            model.train(was_training)

    def _row(self, item: dict, made: np.ndarray) -> np.ndarray:
        """Photo, truth and map side by side, (h, w, 3) uint8 BGR."""
        image = read_image(item["file_name"], max_pixels=self.max_pixels)
        panels = [("photo", image)]
        if item.get("mask_file_name"):
            truth = read_mask(item["mask_file_name"], image.shape[:2])
            panels.append(("truth", np.where(truth[:, :, None], 255, 0).astype(np.uint8).repeat(3, 2)))
        return side_by_side([*panels, (f"map, maximum {made.max():.2f}", heat(made))], HEIGHT)
