"""Data sets by name in Detectron2's catalogs.

Importing this module registers the predefined names under ``DETECTRON2_DATASETS`` (see ``locations``).
Nothing is read from the disk before a set is asked for, and importing or registering twice is harmless.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from detectron2.data import DatasetCatalog, Metadata, MetadataCatalog
from detectron2.structures import BoxMode

from ..utils.errors import UserError
from . import annotation_format
from .locations import PREPARED_VARIABLE, prepared_root, source_root
from .techniques import COLOURS, TECHNIQUES

#: Data set -> (suffixes of its splits, script that prepares it). Columbia is for testing only.
_ALL = ("", "_train", "_test", "_authentic")
DATA_SETS = {
    "casia_v1": (_ALL, "prepare_casia.py"),
    "casia_v2": (_ALL, "prepare_casia.py"),
    "coverage": (_ALL, "prepare_coverage.py"),
    "columbia": (("", "_test", "_authentic"), "prepare_columbia.py"),
    "nist16": (_ALL, "prepare_nist16.py"),
    "coco_synthetic": (_ALL, "prepare_coco_synthetic.py"),
}
#: Name -> (folder under DETECTRON2_DATASETS, command that prepares it).
PREDEFINED = {
    f"{dataset}{part}": (dataset, f"python datasets/{script} --root {{root}}")
    for dataset, (parts, script) in DATA_SETS.items()
    for part in parts
}
#: ``MetadataCatalog.get(name).evaluator_type`` of all sets here.
EVALUATOR_TYPE = "manipulation"

assert int(BoxMode.XYWH_ABS) == annotation_format.XYWH_ABS


def register_dataset(
    name: str,
    json_file: str | os.PathLike,
    image_root: str | os.PathLike | None = None,
    *,
    classes: tuple[str, ...] | None = None,
    command: str | None = None,
) -> None:
    """Registers a prepared split; a second registration of the same name replaces the first.

    Args:
        name: in ``DatasetCatalog`` and ``MetadataCatalog``.
        json_file: ``<root>/annotations/<split>.json`` in the annotation format.
        image_root: folder of the images; default: what the file says.
        classes: class names in the order of their contiguous ids; default: read from the file, now.
        command: what to run where the file is missing, for the error.

    Raises:
        UserError: ``classes`` not given and the file cannot be read.
    """
    json_file = Path(json_file).expanduser().absolute()
    images_at = Path(image_root).expanduser().absolute() if image_root is not None else json_file.parent.parent
    if classes is None:
        content = annotation_format.read_json(json_file)
        classes = tuple(category["name"] for category in content["categories"])
        if image_root is None:
            images_at = json_file.parent.parent / content["info"].get("image_root", ".")
    if name in DatasetCatalog.list():
        DatasetCatalog.remove(name)
        MetadataCatalog.pop(name, None)
    DatasetCatalog.register(name, partial(_load, json_file, image_root, command))
    MetadataCatalog.get(name).set(
        thing_classes=list(classes),
        thing_colors=[COLOURS[technique] for technique in classes],
        thing_dataset_id_to_contiguous_id={number: number - 1 for number in range(1, len(classes) + 1)},
        json_file=str(json_file),
        image_root=str(images_at),
        evaluator_type=EVALUATOR_TYPE,
    )


#: The name of the last release.
register_internal = register_dataset


def register_predefined() -> None:
    """Registers the names of ``PREDEFINED`` where ``DETECTRON2_DATASETS`` now points; no disk is touched."""
    for name, (dataset, command) in PREDEFINED.items():
        source, prepared = source_root(dataset), prepared_root(dataset)
        # With annotations apart from the images, the images are where DETECTRON2_DATASETS says now, not where
        # they were when they were prepared.
        image_root = None if source == prepared else source.absolute()
        register_dataset(
            name,
            prepared / "annotations" / f"{name}.json",
            image_root,
            classes=TECHNIQUES,
            command=command.format(root=source),
        )


def dataset_dicts(name: str) -> list[dict[str, Any]]:
    """The dataset dicts of a name as :func:`ensure_registered` takes it; reads the annotations.

    Raises:
        UserError: there is no such dataset, or it is not prepared.
    """
    ensure_registered(name)
    return DatasetCatalog.get(name)


def ensure_registered(name: str) -> Metadata:
    """The metadata of a registered name, or of a prepared split named by the path of its JSON file.

    A path is registered under itself, so that its metadata can be looked up like any other's.

    Raises:
        UserError: there is no such dataset.
    """
    if name.endswith(".json") and name not in DatasetCatalog.list():
        register_dataset(name, name)
    if name not in DatasetCatalog.list():
        names = sorted(
            n for n in DatasetCatalog.list() if MetadataCatalog.get(n).get("evaluator_type") == EVALUATOR_TYPE
        )
        raise UserError(f"dataset {name}: not registered; there are {', '.join(names)}, and any prepared .json")
    return MetadataCatalog.get(name)


def _load(json_file: Path, image_root: str | os.PathLike | None, command: str | None) -> list[dict[str, Any]]:
    if command and not json_file.is_file():
        raise UserError(
            f"{json_file}: not prepared yet; run `{command}` (where that folder cannot be written, set "
            f"{PREPARED_VARIABLE} to one that can, for both)"
        )
    dicts = annotation_format.load(json_file, image_root)
    for entry in dicts:
        for annotation in entry["annotations"]:
            annotation["bbox_mode"] = BoxMode.XYWH_ABS
    if dicts and not os.path.isfile(dicts[0]["file_name"]):
        raise UserError(f"{dicts[0]['file_name']}: no such image; {json_file} was prepared from another folder")
    return dicts


register_predefined()
