"""COCO ground truth from dataset dicts, so that COCO AP works on any registered dataset (no Torch)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pycocotools.mask as rle_tools

from ...utils.files import write_json_atomic

#: Detectron2's BoxMode numbers (they are stored in annotation files, and so will not change).
XYXY_ABS, XYWH_ABS = 0, 1


def write_coco_ground_truth(
    dataset_dicts: Sequence[Mapping[str, Any]], class_names: Sequence[str], path: str | os.PathLike
) -> tuple[str, ...]:
    """Writes the file that ``COCOEvaluator`` reads, as a whole or not at all.

    Detectron2's own converter leaves the list of annotations out where a dataset has none (pycocotools then
    fails), and keeps an old file although the dataset, or the merging of its techniques, has changed.

    Args:
        dataset_dicts: as the model is evaluated on, category ids 0-based into ``class_names`` (after
            merging). An annotation's ``segmentation`` is an RLE dict, polygons, or absent.
        class_names: (C,) names; class c becomes category c + 1, because COCO's ids begin at 1.
        path: of the JSON file; its folder is made.

    Returns:
        The tasks that this ground truth can be evaluated for: ("bbox", "segm"), or ("bbox",) where an
        annotation has no mask.

    Raises:
        ValueError: a category id outside ``class_names``, or a box mode other than XYXY_ABS and XYWH_ABS.
    """
    images, annotations = [], []
    for item in dataset_dicts:
        size = int(item["height"]), int(item["width"])
        file_name = os.path.basename(item["file_name"])
        images.append({"id": item["image_id"], "file_name": file_name, "height": size[0], "width": size[1]})
        for instance in item.get("annotations", ()):
            number = len(annotations) + 1
            annotations.append(_annotation(instance, size, len(class_names), item) | {"id": number})
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(class_names)]
    content = {"info": {}, "licenses": [], "images": images, "categories": categories, "annotations": annotations}
    write_json_atomic(path, content)
    has_masks = all("segmentation" in annotation for annotation in annotations)
    return ("bbox", "segm") if has_masks else ("bbox",)


def _annotation(instance: Mapping, size: tuple[int, int], classes: int, item: Mapping) -> dict[str, Any]:
    category = int(instance["category_id"])
    if not 0 <= category < classes:
        raise ValueError(f"{item['file_name']}: category id {category}, but there are {classes} classes")
    x, y, width, height = (float(value) for value in instance["bbox"])
    mode = int(instance["bbox_mode"])
    if mode == XYXY_ABS:
        width, height = width - x, height - y
    elif mode != XYWH_ABS:
        raise ValueError(f"{item['file_name']}: box mode {mode}; it must be XYXY_ABS or XYWH_ABS")
    annotation = {
        "image_id": item["image_id"],
        "category_id": category + 1,
        "bbox": [x, y, width, height],
        "area": width * height,
        "iscrowd": int(instance.get("iscrowd", 0)),
    }
    if instance.get("segmentation"):
        rle = _rle(instance["segmentation"], size)
        annotation |= {"segmentation": rle, "area": float(rle_tools.area(rle))}
    return annotation


def _rle(segmentation: Any, size: tuple[int, int]) -> dict[str, Any]:
    """A compressed RLE with text counts."""
    if isinstance(segmentation, Mapping) and not isinstance(segmentation["counts"], (list, np.ndarray)):
        counts = segmentation["counts"]
        rle = {"size": [int(side) for side in segmentation["size"]], "counts": counts}
    elif isinstance(segmentation, Mapping):
        rle = rle_tools.frPyObjects(dict(segmentation), *size)
    else:
        rle = rle_tools.merge(rle_tools.frPyObjects([list(map(float, part)) for part in segmentation], *size))
    counts = rle["counts"]
    return {"size": list(rle["size"]), "counts": counts if isinstance(counts, str) else counts.decode("ascii")}
