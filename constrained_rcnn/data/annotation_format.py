"""The one form in which every data set is kept: COCO's JSON plus a complete mask per image.

``<root>/annotations/<name>.json``; `datasets/README.md` shows the keys. COCO tools open it: what is added to
the format are extra keys. Everything else in the package reads data sets through ``load`` here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..utils.errors import UserError
from ..utils.files import write_json_atomic
from .techniques import AUTHENTIC, MIXED, TAMPERED, TECHNIQUES

#: ``detectron2.structures.BoxMode.XYWH_ABS`` as an int, so that reading a data set needs no Detectron2.
XYWH_ABS = 1

_IMAGE_KEYS = ("id", "file_name", "height", "width", "authentic", "technique", "mask_file", "group")
_ANNOTATION_KEYS = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")


def class_names(techniques: Iterable[str]) -> tuple[str, ...]:
    """Classes of a set: all three techniques, or the single ``tampered`` where any technique is unknown."""
    return (TAMPERED,) if TAMPERED in set(techniques) else TECHNIQUES


def write(
    path: str | os.PathLike,
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    *,
    classes: Sequence[str],
    image_root: str = ".",
    info: Mapping[str, Any] | None = None,
) -> None:
    """Writes one split, atomically.

    Args:
        path: ``<root>/annotations/<split>.json``.
        images: entries with the keys ``id`` (int >= 1), ``file_name`` (posix, relative to the image root),
            ``height``, ``width`` (pixels, upright), ``authentic`` (bool), ``technique``, ``mask_file``
            (posix, relative to ``<root>``; None for authentic images and boxes without masks), ``group``.
        annotations: entries with ``id``, ``image_id``, ``category`` (one of ``classes``), ``bbox`` [x, y, w,
            h] and ``area`` in pixels, ``iscrowd``, and ``segmentation`` (RLE with str counts) unless boxes
            only.
        classes: category names; ids are 1, 2, ... in this order.
        image_root: "." where the images lie under ``<root>``, else their folder.
        info: more entries for ``info``.
    """
    ids = {name: number for number, name in enumerate(classes, start=1)}
    rows = []
    for annotation in annotations:
        row = {key: value for key, value in annotation.items() if key != "category"}
        rows.append({**row, "category_id": ids[annotation["category"]]})
    write_json_atomic(
        path,
        {
            "info": {"description": Path(path).stem, "image_root": image_root, **(info or {})},
            "licenses": [],
            "categories": [{"id": number, "name": name} for name, number in ids.items()],
            "images": list(images),
            "annotations": rows,
        },
    )


def load(json_file: str | os.PathLike, image_root: str | os.PathLike | None = None) -> list[dict[str, Any]]:
    """Reads one split into dicts of Detectron2's form, checked. No image is opened.

    Args:
        json_file: ``<root>/annotations/<split>.json``.
        image_root: folder that ``file_name`` is relative to; default: what the file says.

    Returns:
        One dict per image, in the file's order: ``file_name`` (absolute), ``image_id``, ``height``, ``width``
        (pixels, upright), ``annotations`` (list of ``bbox`` [x, y, w, h] floats in pixels, ``bbox_mode`` 1 =
        XYWH_ABS, ``category_id`` 0-based index into the classes, ``iscrowd``, and ``segmentation`` RLE unless
        boxes only), ``mask_file_name`` (absolute, or None), ``authentic``, ``technique``, ``group``.

    Raises:
        UserError: no such file, not JSON, a key missing or an entry that contradicts another one.
    """
    path = Path(json_file)
    content = read_json(path)
    root = path.resolve().parent.parent
    if image_root is None:
        images_at = root / content["info"].get("image_root", ".")
    else:
        images_at = Path(image_root).expanduser().resolve()
    index = {category["id"]: position for position, category in enumerate(content["categories"])}

    dicts: dict[int, dict[str, Any]] = {}
    for image in content["images"]:
        _check_image(path, image, dicts)
        dicts[image["id"]] = {
            "file_name": str(images_at / image["file_name"]),
            "image_id": image["id"],
            "height": image["height"],
            "width": image["width"],
            "annotations": [],
            "mask_file_name": None if image["mask_file"] is None else str(root / image["mask_file"]),
            "authentic": image["authentic"],
            "technique": image["technique"],
            "group": image["group"],
        }
    for annotation in content["annotations"]:
        _check_annotation(path, annotation, dicts, index)
        entry = {
            "bbox": [float(value) for value in annotation["bbox"]],
            "bbox_mode": XYWH_ABS,
            "category_id": index[annotation["category_id"]],
            "iscrowd": annotation["iscrowd"],
        }
        if "segmentation" in annotation:
            entry["segmentation"] = annotation["segmentation"]
        dicts[annotation["image_id"]]["annotations"].append(entry)
    return list(dicts.values())


def merge_techniques(dicts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Copies of dataset dicts in which every instance is of the single class 0 (``DATASETS.MERGE_TECHNIQUES``)."""
    return [{**item, "annotations": [{**a, "category_id": 0} for a in item["annotations"]]} for item in dicts]


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """Reads the file as it is. Raises UserError where it is missing, not JSON or not of COCO's form."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such annotation file; prepare the data set first (datasets/README.md)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); prepare the data set again") from None
    for key, kind in (("info", dict), ("categories", list), ("images", list), ("annotations", list)):
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise UserError(f"{path}: no {key!r} as in COCO's format; prepare the data set again")
    return content


def _check_image(path: Path, image: Mapping[str, Any], dicts: Mapping[int, Any]) -> None:
    name = image.get("file_name", image.get("id", "an image"))
    missing = [key for key in _IMAGE_KEYS if key not in image]
    if missing:
        raise UserError(f"{path}: {name}: no {missing[0]!r}; prepare the data set again")
    if image["id"] in dicts:
        raise UserError(f"{path}: {name}: image id {image['id']} twice")
    if image["technique"] not in (*TECHNIQUES, TAMPERED, MIXED, AUTHENTIC):
        raise UserError(f"{path}: {name}: unknown technique {image['technique']!r}")
    if image["authentic"] != (image["technique"] == AUTHENTIC):
        raise UserError(f"{path}: {name}: authentic is {image['authentic']} but technique {image['technique']!r}")
    if image["authentic"] and image["mask_file"] is not None:
        raise UserError(f"{path}: {name}: authentic, but with a ground-truth mask")
    if image["height"] < 1 or image["width"] < 1:
        raise UserError(f"{path}: {name}: size {image['width']}x{image['height']}")


def _check_annotation(
    path: Path, annotation: Mapping[str, Any], dicts: Mapping[int, Mapping[str, Any]], index: Mapping[int, int]
) -> None:
    prefix = f"{path}: annotation {annotation.get('id')}"
    missing = [key for key in _ANNOTATION_KEYS if key not in annotation]
    if missing:
        raise UserError(f"{prefix}: no {missing[0]!r}; prepare the data set again")
    image = dicts.get(annotation["image_id"])
    if image is None:
        raise UserError(f"{prefix}: belongs to no image")
    if image["authentic"]:
        raise UserError(f"{prefix}: belongs to the authentic image {image['file_name']}")
    if annotation["category_id"] not in index:
        raise UserError(f"{prefix}: unknown category {annotation['category_id']}")
    x, y, width, height = annotation["bbox"]
    if width <= 0 or height <= 0 or x < 0 or y < 0 or x + width > image["width"] or y + height > image["height"]:
        raise UserError(f"{prefix}: box {annotation['bbox']} outside of {image['width']}x{image['height']}")
    segmentation = annotation.get("segmentation")
    if segmentation is not None and list(segmentation.get("size", ())) != [image["height"], image["width"]]:
        raise UserError(f"{prefix}: mask is not of the image's size")
