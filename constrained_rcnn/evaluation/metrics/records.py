"""One image reduced to a small record, and what an evaluation keeps of it (NumPy and OpenCV only).

Everything that produces score maps (a model, a baseline, another tool's files) comes through here, so that
all numbers are made by the same lines.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from ...images.reading import read_mask
from ...utils.errors import UserError
from .pixel import authentic_counts, check_score_map, score_map_metrics
from .techniques import Detections, match_regions

logger = logging.getLogger(__name__)

NO_MASK = "boxes only, no ground-truth mask"
NO_MAP = "the model gave no manipulation map"
EMPTY_MASK = "ground-truth mask is empty"
FULL_MASK = "ground-truth mask is full"
UNREADABLE_MASK = "ground-truth mask cannot be used"
NO_CERTAIN_PIXELS = "nothing is left of one class without the mask's border"


@dataclass(frozen=True)
class MetricVariants:
    """Other tables' conventions; the default is ours.

    Attributes:
        invert: "never", or "max": the better of the map and one minus the map (TruFor).
        gt_border_ignore: pixels near the mask's border count neither way (TruFor).
        authentic_as_zero: an authentic image counts as ``f1_best`` = ``f1_fixed`` = 0 in their means
            (IMDL-BenCo).
        paper: adds ``paper_f1_best`` and ``paper_auc``, averaged per PREDICTED class as in the paper's
            released code.
    """

    invert: str = "never"
    gt_border_ignore: bool = False
    authentic_as_zero: bool = False
    paper: bool = False

    @classmethod
    def from_names(cls, names: Iterable[str]) -> MetricVariants:
        """The variants of command lines and configs.

        Args:
            names: any of ``VARIANT_NAMES``.

        Raises:
            UserError: another name.
        """
        names = tuple(names)
        for name in names:
            if name not in VARIANT_NAMES:
                raise UserError(f"no metric variant {name!r}; there are {', '.join(VARIANT_NAMES)}")
        flags = {name: True for name in names if name != "invert=max"}
        return cls(invert="max" if "invert=max" in names else "never", **flags)


#: What variants are called where a person writes them.
VARIANT_NAMES = ("paper", "invert=max", "gt_border_ignore", "authentic_as_zero")
#: The definitions of this project, without any variant.
PLAIN = MetricVariants()


class DetectorOutput(NamedTuple):
    """What a detector says of an image, as :func:`image_record` takes it."""

    score_map: np.ndarray | None
    score: float | None
    predicted: str | None = None
    detections: Detections | None = None


def image_record(
    dataset_dict: Mapping[str, Any],
    score_map: np.ndarray | None,
    score: float | None,
    variants: MetricVariants = PLAIN,
    predicted: str | None = None,
    read_truth: Callable[..., np.ndarray] = read_mask,
    *,
    detections: Detections | None = None,
) -> dict[str, Any]:
    """Reduces one image.

    Args:
        dataset_dict: a Detectron2 dataset dict of this package with ``file_name``, ``image_id``, ``height``,
            ``width`` (pixels) and ``mask_file_name`` (path or None), ``authentic`` (bool), ``technique``.
            Where the last three are missing (another package's dataset), the image counts as one with boxes
            only. ``group``, where there is one, names its source image.
        score_map: (height, width) as in :func:`score_map_metrics`, or None if the model gives none.
        score: manipulation score of the image in [0, 1], or None.
        variants: see there.
        predicted: class of the best-scored instance, or None.
        read_truth: called with the mask's path and ``size=(height, width)``; for images that were resized.
        detections: of the image, or None where they are not known. The regions of the ground truth are
            ``dataset_dict["annotations"]``; an image without this key is in no metric of techniques.

    Returns:
        ``image_id``, ``file_name``, ``group`` (or None), ``technique``, ``authentic``, ``predicted``, ``score``
        (float or None), ``pixel`` (the dict of :func:`score_map_metrics`; of an authentic image the counts
        only; None where there is no map or no usable mask), ``curves`` (``roc`` and ``pr``, see
        :func:`.score_curve.sampled_curves`, or None), ``skipped`` (why it is in no pixel metric, else None) and
        ``detections`` (which regions were found and what they were called, see :func:`.techniques.match_regions`, or
        None).

    Raises:
        UserError: the map or score cannot be scored (NaN, outside [0, 1], another size than the image).
    """
    name = dataset_dict["file_name"]
    authentic = bool(dataset_dict.get("authentic", False))
    record = {
        "image_id": dataset_dict["image_id"],
        "file_name": name,
        "group": dataset_dict.get("group"),
        "technique": "authentic" if authentic else dataset_dict.get("technique") or "tampered",
        "authentic": authentic,
        "predicted": predicted,
        "score": None if score is None else float(score),
        "pixel": None,
        "curves": None,
        "skipped": None,
        "detections": None,
    }
    if score is not None and not 0 <= record["score"] <= 1:
        raise UserError(f"{name}: manipulation score {record['score']}; it must be a number in [0, 1]")
    if detections is not None and "annotations" in dataset_dict:
        record["detections"] = match_regions(dataset_dict, detections, record["score"])
    if score_map is None:
        return record | {"skipped": NO_MAP}
    try:
        score_map = check_score_map(score_map)
    except ValueError as error:
        raise UserError(f"{name}: {error}") from error
    size = tuple(int(dataset_dict.get(key, side)) for key, side in zip(("height", "width"), score_map.shape))
    if score_map.shape != size:
        raise UserError(
            f"{name}: the map is {score_map.shape[1]}x{score_map.shape[0]}, the image {size[1]}x{size[0]}; "
            "maps are compared at the image's original size"
        )
    if authentic:
        return record | {"pixel": authentic_counts(score_map)}
    if dataset_dict.get("mask_file_name") is None:
        return record | {"skipped": NO_MASK}
    try:
        truth = read_truth(dataset_dict["mask_file_name"], size=size)
    except (UserError, OSError) as error:
        logger.warning("%s: left out of the pixel metrics: %s", name, error)
        return record | {"skipped": UNREADABLE_MASK}
    ignore = uncertain_border(truth) if variants.gt_border_ignore else None
    curves: dict[str, list[float]] = {}
    pixel = score_map_metrics(score_map, truth, ignore=ignore, invert=variants.invert, curves=curves)
    if not truth.any() or truth.all():
        record["skipped"] = FULL_MASK if truth.any() else EMPTY_MASK
    elif np.isnan(pixel["f1_floor"]):
        record["skipped"] = NO_CERTAIN_PIXELS
    return record | {"pixel": pixel, "curves": curves or None}


def uncertain_border(truth: np.ndarray) -> np.ndarray:
    """The band around a mask's border that TruFor's protocol leaves out.

    Manipulated is what survives an erosion by 15x15, authentic what lies outside of an 11x11 dilation; the
    image's own border neither erodes nor dilates.

    Args:
        truth: (H, W) bool, True = manipulated.

    Returns:
        (H, W) bool, True = left out.
    """
    mask = truth.astype(np.uint8)
    inner = cv2.erode(mask, np.ones((15, 15), np.uint8), borderType=cv2.BORDER_REFLECT)
    outer = cv2.dilate(mask, np.ones((11, 11), np.uint8), borderType=cv2.BORDER_REFLECT)
    return (outer > 0) & (inner == 0)


def unique_records(records: list[dict]) -> list[dict]:
    """Each image once, by image id: a distributed sampler's padding may send one to two processes."""
    by_id: dict[Any, Any] = {}
    for record in records:
        by_id.setdefault(record["image_id"], record)
    return sorted(by_id.values(), key=lambda record: (str(type(record["image_id"])), record["image_id"]))
