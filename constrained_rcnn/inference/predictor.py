"""From an image to a decision: what a user calls."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch

from .. import model_zoo
from ..config import load_config
from ..utils.errors import UserError
from .load import load_for_inference
from .processes import guard_forks, keep_few_compiled_operations
from .result import ManipulationResult
from .test_time_augmentation import ConstrainedRCNNWithTTA, ImageSource, Progress

#: Shortest side the network can say anything about, pixels: the stride of its features.
MIN_SIDE = 16
#: Most memory in bytes per pixel of an image that a prediction takes, beside the network's: 14 in use at once, and what
#: the C library keeps of freed memory, which varies from run to run (glibc: up to 4 measured).
BYTES_PER_PIXEL = 20


class ManipulationPredictor:
    """Loads a config's model and weights once and predicts images, one record each.

    Resizes as Detectron2's DefaultPredictor does, so both give the same instances. What goes beyond it is switched on
    by the config and done by :class:`.test_time_augmentation.ConstrainedRCNNWithTTA`, as in evaluation.

    Memory is bounded: what the network needs for its largest input (a tile, or the resized image), the content of
    the file, and ``BYTES_PER_PIXEL`` for every pixel of the image, reading it and any number of augmentations included.
    That is 2 GB for 100 megapixels; 7 bytes per pixel stay with the result. Some formats take more while they are
    read (JPEG 2000 18 to 20, HEIF 26), and a model that resizes images itself (the released network) takes 32 in all.
    Looking for duplicated regions takes up to 0.7 GB, whatever the image's size; each pair keeps up to 5 MB. In a
    batch every image counts. Masks of detections are drawn only when they are asked for. What the C library keeps of
    one image's memory is given back before the next one.

    Processes: a forked child predicts with one thread; "spawn" is the way to more, and to a GPU (docs/processes.md).
    """

    def __init__(self, cfg=None):
        """
        Args:
            cfg: from :func:`constrained_rcnn.config.load_config`, with MODEL.WEIGHTS. None: the config and the
                weights that come with the package.

        Raises:
            UserError: no weights, or weights that do not fit the config.
        """
        if cfg is None:
            cfg = load_config(*model_zoo.default_options())
        if not cfg.MODEL.WEIGHTS:
            raise UserError("MODEL.WEIGHTS is empty; give a checkpoint: --opts MODEL.WEIGHTS FILE")
        self.cfg = cfg.clone()
        guard_forks()
        keep_few_compiled_operations()
        self.model, extra = load_for_inference(self.cfg)
        metadata = extra.get("metadata", {})
        self.detector = ConstrainedRCNNWithTTA(
            self.cfg, self.model, classes=metadata.get("classes"), threshold=metadata.get("decision_threshold")
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's class names."""
        return self.detector.classes

    @property
    def threshold(self) -> float:
        """An image is called manipulated where its score is above."""
        return self.detector.threshold

    def __call__(
        self, image: ImageSource, page: int | None = None, progress: Progress | None = None
    ) -> ManipulationResult:
        """
        Args:
            image: a file, its bytes, an open file or Pillow's image, all read by the rules of
                :mod:`..images.reading`; or an (H, W, 3) uint8 array in BGR order.
            page: page or frame of a file, from 1; None: the first, of HEIF the primary one.
            progress: called with (runs of the network done, runs in all) where an image takes several (tiles,
                test-time augmentation): first with none done, then after each.

        Raises:
            UserError: a file that cannot be read, or an image with a side below ``MIN_SIDE``.
            ValueError: an array of another shape or dtype.
            RuntimeError: in a forked process that would hang, see :mod:`.processes`.
        """
        (result,) = self._predict([self._read(image, page)], progress)
        return result

    def predict_batch(self, images: Sequence[ImageSource]) -> list[ManipulationResult]:
        """Predicts several images; those of one size go through the network together.

        The results are those of single calls, but for rounding. Memory grows with the batch.

        Args, Raises: see ``__call__``; an image that is refused ends the batch before anything is predicted, and the
            message says which one it is.

        Returns:
            One result per image, in their order.
        """
        inputs = []
        for number, image in enumerate(images, 1):
            try:
                inputs.append(self._read(image))
            except UserError as error:
                raise UserError(f"image {number} of {len(images)}: {error}") from error
        return self._predict(inputs)

    def _read(self, image: ImageSource, page: int | None = None) -> dict:
        item = self.detector.read(image, page)
        if min(item["height"], item["width"]) < MIN_SIDE:
            name = image if isinstance(image, (str, os.PathLike)) else "image"
            size = f"{item['width']}x{item['height']} pixels"
            raise UserError(f"{name}: {size}; a side below {MIN_SIDE} holds no trace to find")
        return item

    def _predict(self, inputs: list[dict], progress: Progress | None = None) -> list[ManipulationResult]:
        with torch.inference_mode():
            outputs = self.detector(inputs, progress)
        return [ManipulationResult.of(item, output, self.classes) for item, output in zip(inputs, outputs)]
