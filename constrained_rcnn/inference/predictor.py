"""From an image to a decision: what a user calls."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Union

import numpy as np
import torch
from detectron2.structures import Boxes, Instances, pairwise_iou
from PIL import Image

from .. import model_zoo
from ..config import load_config
from ..data.techniques import TAMPERED, TECHNIQUES, UNCERTAIN
from ..images.reading import check_image, load_image
from ..images.reading_notes import Reading
from ..matching.suspects import JudgedRepeat, copy_move_found, judge_repeats, raise_map
from ..utils.errors import UserError
from .decision import decide
from .image_class import jpeg_quality
from .load import load_for_inference
from .processes import before_prediction, guard_forks
from .result import Detection, ManipulationResult
from .views import Judged, finish, judge_views, manipulation_scores, views_of, whole_input

#: Decision threshold where neither config nor checkpoint has one.
DEFAULT_THRESHOLD = 0.5
#: Intersection over union above which two boxes are shown as one region.
SAME_REGION = 0.5
#: Shortest side the network can say anything about, pixels: the stride of its features.
MIN_SIDE = 16
#: Most memory in bytes per pixel of an image that a prediction takes, beside the network's: 14 in use at once, and what
#: the C library keeps of freed memory, which varies from run to run (glibc: up to 4 measured).
BYTES_PER_PIXEL = 20
#: What the predictor takes: a file's path, its content, an open file, Pillow's image, or (H, W, 3) uint8 BGR.
Picture = Union[str, os.PathLike, bytes, BinaryIO, Image.Image, np.ndarray]


class ManipulationPredictor:
    """Loads a config's model and weights once and judges images.

    Resizes as Detectron2's DefaultPredictor does, so both give the same instances. What goes beyond it is switched
    on by the config: several views (``TEST.AUG``), tiles for images that are too large for the network
    (``TEST.TILES``), and a map that is raised where regions occur twice (``TEST.REPEATS``).

    Memory is bounded: what the network needs for its largest input (a tile, or the resized image), the content of
    the file, and ``BYTES_PER_PIXEL`` for every pixel of the image, reading it and any number of views included.
    That is 2 GB for 100 megapixels; 7 bytes per pixel stay with the result. Some formats take more while they are
    read (JPEG 2000 18 to 20, HEIF 26), and a model that resizes images itself (the released network) takes 32 in all.
    Looking for regions that occur twice takes up to 0.7 GB, whatever the image's size; each pair keeps up to 5 MB. In a
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
        self.model, extra = load_for_inference(self.cfg)
        metadata = extra.get("metadata", {})
        self.classes = tuple(metadata.get("classes") or default_classes(cfg.MODEL.ROI_HEADS.NUM_CLASSES))
        configured = cfg.MODEL.MANIPULATION_MAP.DECISION_THRESHOLD
        points = self.model.operating_points  # they shift scores to the default threshold
        kept = DEFAULT_THRESHOLD if points else metadata.get("decision_threshold", DEFAULT_THRESHOLD)
        self.threshold = configured if configured >= 0 else kept
        self._views = views_of(cfg)
        if self.model.resizes_images and cfg.TEST.AUG.ENABLED:
            raise UserError("config: this model resizes images itself; set TEST.AUG.ENABLED False")

    def __call__(self, image: Picture, page: int | None = None) -> ManipulationResult:
        """
        Args:
            image: a file, its bytes, an open file or Pillow's image, all read by the rules of
                :mod:`..images.reading`; or an (H, W, 3) uint8 array in BGR order.
            page: page or frame of a file, from 1; None: the first, of HEIF the primary one.

        Raises:
            UserError: a file that cannot be read, or a picture with a side below ``MIN_SIDE``.
            ValueError: an array of another shape or dtype.
            RuntimeError: in a forked process that would hang, see :mod:`.processes`.
        """
        return self._predict(*self._read(image, page))

    def predict_batch(self, images: Sequence[Picture]) -> list[ManipulationResult]:
        """Judges several images; those of one size go through the network together.

        The results are those of single calls, but for rounding. Memory grows with the batch.

        Args, Raises: see ``__call__``; a picture that is refused ends the batch before anything is judged, and the
            message says which one it is.

        Returns:
            One result per image, in their order.
        """
        read = []
        for number, image in enumerate(images, 1):
            try:
                read.append(self._read(image))
            except UserError as error:
                raise UserError(f"picture {number} of {len(images)}: {error}") from error
        tiles, view = self.cfg.TEST.TILES, self._views[0]
        inputs = [whole_input(self.model, self._in_order(pixels), view, tiles) for pixels, *_ in read]
        if len(self._views) > 1 or None in inputs:
            return [self._predict(*one) for one in read]
        with torch.inference_mode():
            outputs = self.model(inputs) if inputs else []
        return [self._result(*one, [finish(output, view)]) for one, output in zip(read, outputs)]

    def _predict(self, pixels: np.ndarray, quality: int | None, reading: Reading | None) -> ManipulationResult:
        with torch.inference_mode():
            judged = judge_views(self.model, self._in_order(pixels), self._views, self.cfg.TEST.TILES)
            return self._result(pixels, quality, reading, judged)

    def _read(self, image: Picture, page: int | None = None) -> tuple[np.ndarray, int | None, Reading | None]:
        """(H, W, 3) uint8 BGR, checked; the quality of the JPEG it came from, if it did; how it was read."""
        before_prediction(self.model.device)
        name, quality, reading = image if isinstance(image, (str, os.PathLike)) else "image", None, None
        if not isinstance(image, np.ndarray):
            source = image
            image, reading = load_image(source, "BGR", page=page, max_pixels=self.cfg.INPUT.MAX_PIXELS)
            quality = jpeg_quality(source)  # of what can be read: the other way round a pipe would be waited for
        height, width = check_image(image).shape[:2]
        if min(height, width) < MIN_SIDE:
            raise UserError(f"{name}: {width}x{height} pixels; a side below {MIN_SIDE} holds no trace to find")
        return image, quality, reading

    def _in_order(self, pixels: np.ndarray) -> np.ndarray:
        return pixels if self.cfg.INPUT.FORMAT == "BGR" else pixels[:, :, ::-1]

    def _result(
        self, pixels: np.ndarray, quality: int | None, reading: Reading | None, judged: Iterable[Judged]
    ) -> ManipulationResult:
        made, tiles, instances, decisions = None, 0, [], []
        for one in judged:  # one map at a time, added up in place
            made = one.manipulation_map if made is None else made.add_(one.manipulation_map)
            tiles += one.tiles
            instances.append(one.instances)
            decisions.append(one.decision)
            del one  # or its map would stay while the next view is judged
        if len(instances) > 1:
            made.div_(len(instances))
        made, repeats = made.numpy(), None
        network = float(made.max() if None in decisions else np.mean(decisions))
        if self.cfg.TEST.REPEATS:
            repeats = judge_repeats(pixels, made)
            raise_map(made, repeats)
        fused = float(made.max()) if None in decisions else network
        points, threshold = getattr(self.model, "operating_points", None), float(self.threshold)
        decision = decide(points, network, fused, pixels, quality, copy_move_found(repeats or ()), threshold)
        return ManipulationResult(
            manipulated=decision.manipulated,
            score=decision.score,
            threshold=decision.threshold,
            rarity=decision.rarity,
            unsuitable=decision.unsuitable,
            detections=self._detections(instances, pixels.shape[:2], repeats or (), decision.score),
            manipulation_map=made,
            image=pixels,
            views=len(instances),
            tiles=tiles,
            raised_by=repeats,
            reading=reading,
        )

    def _detections(self, views: list[Instances], size: tuple[int, int], repeats, highest) -> tuple[Detection, ...]:
        boxes = torch.cat([one.pred_boxes.tensor for one in views])
        scores = torch.cat([one.scores for one in views])
        probable = torch.cat([manipulation_scores(one) for one in views])
        view = [index for index, one in enumerate(views) for _ in range(len(one))]
        named = [scores for one in views for scores in self._technique_scores(one)]
        soft = [mask for one in views for mask in _soft_masks(one)]
        found = []
        for rows in group_by_region(boxes, scores):
            best = rows[0]
            techniques = {name: max(named[row].get(name, 0.0) for row in rows) for name in named[best]}
            # A view that does not see the region counts as 0, as it does in the map.
            by_view = {view[row]: max(float(probable[r]) for r in rows if view[r] == view[row]) for row in rows}
            found.append(
                Detection(
                    technique=self._technique(techniques),
                    score=sum(by_view.values()) / len(views),
                    technique_scores=techniques,
                    box=tuple(boxes[best].tolist()),
                    image_size=tuple(size),
                    soft_mask=soft[best],
                )
            )
        found = sorted([*found, *_raised_regions(repeats, size)], key=lambda d: -d.score)
        # No region is surer to be manipulated than its image.
        return tuple(dataclasses.replace(one, score=min(one.score, highest)) for one in found)

    def _technique_scores(self, instances: Instances) -> list[dict[str, float]]:
        """Probabilities of each instance's techniques, best first; of its own class where no more is known."""
        if instances.has("technique_scores"):
            rows = [dict(zip(self.classes, row)) for row in instances.technique_scores.tolist()]
        else:
            rows = [{self.classes[c]: s} for c, s in zip(instances.pred_classes.tolist(), instances.scores.tolist())]
        return [dict(sorted(row.items(), key=lambda item: -item[1])) for row in rows]

    def _technique(self, scores: dict[str, float]) -> str:
        """The likeliest technique, or what a region is called where it is not likely enough."""
        points = getattr(self.model, "operating_points", None)
        best = max(scores, key=scores.get)
        sure = points is None or scores[best] >= points.technique_margin * sum(scores.values())
        return best if sure else UNCERTAIN


def _raised_regions(repeats: tuple[JudgedRepeat, ...], size: tuple[int, int]) -> list[Detection]:
    """The suspects among regions that occur twice, each once: where there are three, several pairs name the same."""
    suspects = [Detection.of_repeat(one, name, size) for one in repeats for name in one.suspects]
    if not suspects:
        return []
    boxes, scores = torch.tensor([d.box for d in suspects]), torch.tensor([d.score for d in suspects])
    return [suspects[rows[0]] for rows in group_by_region(boxes, scores)]


def _soft_masks(instances) -> list[np.ndarray | None]:
    return list(instances.soft_masks.numpy()) if instances.has("soft_masks") else [None] * len(instances)


def group_by_region(boxes: torch.Tensor, scores: torch.Tensor) -> list[list[int]]:
    """Groups boxes that mean the same region: non-maximum suppression keeps one box per technique.

    Args:
        boxes: (R, 4) float, XYXY.
        scores: (R,) float.

    Returns:
        Lists of rows, best score first; a box joins the first group whose best box it overlaps by more than
        ``SAME_REGION``.
    """
    left = scores.argsort(descending=True)
    groups: list[list[int]] = []
    while len(left):  # tiles may bring thousands of boxes: no table of all pairs
        same = pairwise_iou(Boxes(boxes[left[:1]]), Boxes(boxes[left]))[0] > SAME_REGION
        same[0] = True  # an empty box does not overlap even itself
        groups.append(left[same].tolist())
        left = left[~same]
    return groups


def default_classes(count: int) -> tuple[str, ...]:
    """Class names of a checkpoint that says nothing of them: the techniques, or the single "tampered"."""
    if count == len(TECHNIQUES):
        return TECHNIQUES
    return (TAMPERED,) if count == 1 else tuple(f"class {i}" for i in range(count))
