"""How often the technique that a detection names is the right one (NumPy only).

The unit is a region: an instance of the ground truth, of one technique. A detection counts where a user is shown it:
its score and its image's score are both over ``FIXED_THRESHOLD``. A region is found where the box of such a detection
overlaps its own by ``LEAST_IOU``, whatever technique the detection names: the criterion of COCO's AP50, of which AP
has measured the rest already. The best-scored one names the region, as it stands first in what a user reads. A
detection that overlaps no region so far is a false alarm; one on a region that a better-scored one has named counts
no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...data.techniques import MIXED, TAMPERED, TECHNIQUES, UNCERTAIN
from .pixel import FIXED_THRESHOLD

#: Least intersection over union of a detection's box with a region's for the region to be found.
LEAST_IOU = 0.5
#: Detectron2's number for boxes given as (x, y, width, height); others of this package are corners.
XYWH_ABS = 1
MISSED = "missed"
#: Rows of the matrix that no region of the ground truth stands behind.
FALSE_ALARMS = {True: "false alarm (authentic)", False: "false alarm (manipulated)"}
#: What is measured; each also as ``<name>/<technique>``.
TECHNIQUE_METRICS = ("region_found", "technique_accuracy", "technique_precision")


class Detections(NamedTuple):
    """What a detector shows in one image.

    Attributes:
        techniques: (D,) names; ``tampered`` of a detector that knows no technique, ``manipulated region`` where it is
            too unsure to name one.
        scores: (D,) in [0, 1].
        boxes: (D, 4) corners x1, y1, x2, y2, pixels of the image.
        classes: names that the ground truth's ``category_id`` counts in, from 0.
    """

    techniques: Sequence[str]
    scores: Sequence[float]
    boxes: np.ndarray | Sequence[Sequence[float]]
    classes: Sequence[str]


def match_regions(
    dataset_dict: Mapping[str, Any], detections: Detections, image_score: float | None
) -> dict[str, list]:
    """Which regions of an image were found and what they were called.

    Args:
        dataset_dict: with ``annotations`` as Detectron2 has them. Where a category is no technique (``tampered``), the
            region is of the image's ``technique``. A crowd is no region, and no false alarm where it is.
        detections: all of the image.
        image_score: in [0, 1], or None where the detector gives none: the detections' own scores decide.

    Returns:
        ``regions``: [technique, name it was given or None: missed] of each; ``false_alarms``: the names of the others.
    """
    annotations = dataset_dict.get("annotations") or ()
    limit = 1.0 if image_score is None else image_score
    shown = [i for i, score in enumerate(detections.scores) if min(score, limit) > FIXED_THRESHOLD]
    shown.sort(key=lambda i: -detections.scores[i])  # stable: of equal scores the first
    boxes = np.asarray(detections.boxes, np.float64).reshape(-1, 4)[shown]
    names = [detections.techniques[i] for i in shown]
    overlaps = _pairwise_iou(np.array([_corners(a) for a in annotations], np.float64).reshape(-1, 4), boxes)
    hit = overlaps >= LEAST_IOU
    regions = []
    for annotation, row in zip(annotations, hit):
        if not annotation.get("iscrowd"):
            named = names[int(row.argmax())] if row.any() else None
            regions.append([_technique(annotation, dataset_dict, detections.classes), named])
    return {"regions": regions, "false_alarms": [name for name, column in zip(names, hit.T) if not column.any()]}


def technique_ratios(records: Sequence[Mapping]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The rates as (numerators, denominators) of each image: a rate is the ratio of their weighted sums.

    Args:
        records: of N images, see :func:`.records.image_record`; those without ``detections`` count nowhere.

    Returns:
        name -> two (N,) float64; {} where no record has detections. ``region_found``: found regions of all regions.
        ``technique_accuracy``: regions named rightly, of those found; where the detector knows no technique at all
        (``tampered``), none counts as found, so that it is undefined and not 0. ``technique_precision``: regions named
        rightly, of all detections that name a technique, false alarms included. Each over everything and as
        ``<name>/<technique>``: of the regions of a technique, ``technique_precision`` of the detections that name it.
        Regions of unknown technique count in ``region_found`` alone.
    """
    if not _measured(records):
        return {}
    counts = {(part, name): np.zeros(len(records)) for part in ("regions", "found", "told", "right", "named")
              for name in ("", *_techniques(records))}  # fmt: skip

    def count(part: str, technique: str, index: int) -> None:
        for name in {"", technique} if (part, technique) in counts else {""}:
            counts[part, name][index] += 1

    for index, record in enumerate(records):
        matches = record.get("detections") or {"regions": (), "false_alarms": ()}
        for technique, named in matches["regions"]:
            count("regions", technique, index)
            if named is not None:
                count("found", technique, index)
            if technique == TAMPERED or named is None or named == TAMPERED:
                continue
            count("told", technique, index)
            if named != UNCERTAIN:
                count("named", named, index)
            if named == technique:
                count("right", technique, index)
        for named in matches["false_alarms"]:
            if named not in (TAMPERED, UNCERTAIN):
                count("named", named, index)
    parts = dict(zip(TECHNIQUE_METRICS, (("found", "regions"), ("right", "told"), ("right", "named"))))
    return {
        f"{metric}/{name}" if name else metric: (counts[top, name], counts[bottom, name])
        for name in ("", *_techniques(records))
        for metric, (top, bottom) in parts.items()
    }


def confusion_matrix(records: Sequence[Mapping]) -> dict[str, Any] | None:
    """What regions were called, in numbers of regions; of false alarms in numbers of detections.

    Args:
        records: as in :func:`technique_ratios`.

    Returns:
        ``rows``: techniques of the ground truth (``tampered`` where there are regions of unknown technique), then the
        two of ``FALSE_ALARMS``, on authentic images and beside the regions of manipulated ones. ``columns``: names,
        "manipulated region" where no technique is named (by a detector that knows none, too), "missed". ``counts``: a
        list for each row. ``n_images``: images behind it, ``n_authentic``: those of them that are authentic. None
        where no record has detections.
    """
    measured = _measured(records)
    if not measured:
        return None
    techniques = _techniques(records)
    unknown = any(technique == TAMPERED for r in measured for technique, _ in r["detections"]["regions"])
    rows = [*techniques, *([TAMPERED] if unknown else []), *FALSE_ALARMS.values()]
    columns = [*techniques, UNCERTAIN, MISSED]
    counts = np.zeros((len(rows), len(columns)), int)
    for record in measured:
        alarm = FALSE_ALARMS[bool(record["authentic"])]
        pairs = [*record["detections"]["regions"], *((alarm, named) for named in record["detections"]["false_alarms"])]
        for row, named in pairs:
            column = MISSED if named is None else UNCERTAIN if named == TAMPERED else named
            counts[rows.index(row), columns.index(column)] += 1
    authentic = sum(bool(record["authentic"]) for record in measured)
    totals = {"n_images": len(measured), "n_authentic": authentic, "least_iou": LEAST_IOU}
    return {"rows": rows, "columns": columns, "counts": counts.tolist(), **totals}


def _measured(records: Sequence[Mapping]) -> list[Mapping]:
    return [record for record in records if record.get("detections") is not None]


def _techniques(records: Sequence[Mapping]) -> list[str]:
    """This package's techniques, and whatever else a dataset of its own classes names."""
    names: set[str] = set()
    for record in _measured(records):
        names.update(name for pair in record["detections"]["regions"] for name in pair if name)
        names.update(record["detections"]["false_alarms"])
    return [*TECHNIQUES, *sorted(names - {*TECHNIQUES, TAMPERED, UNCERTAIN})]


def _technique(annotation: Mapping, dataset_dict: Mapping, classes: Sequence[str]) -> str:
    """Of a region: its category where that is a technique, else its image's, else ``tampered``."""
    category = int(annotation["category_id"])
    name = classes[category] if category < len(classes) else TAMPERED
    if name == TAMPERED:
        name = dataset_dict.get("technique") or TAMPERED
    return TAMPERED if name == MIXED else name


def _corners(annotation: Mapping) -> list[float]:
    x, y, right, below = (float(value) for value in annotation["bbox"])
    return [x, y, x + right, y + below] if int(annotation["bbox_mode"]) == XYWH_ABS else [x, y, right, below]


def _pairwise_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of (A, 4) and (B, 4) corners: (A, B); 0 where both are empty."""
    corners = np.maximum(first[:, None, :2], second[None, :, :2]), np.minimum(first[:, None, 2:], second[None, :, 2:])
    inside = np.prod(np.clip(corners[1] - corners[0], 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
