"""Dataset dicts by name for the commands that need no model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import annotation_format
from .locations import prepared_root, source_root
from .techniques import TAMPERED, TECHNIQUES


def dataset_dicts(name: str) -> list[dict[str, Any]]:
    """Dataset dicts of a prepared split.

    Args:
        name: path of ``<root>/annotations/<split>.json``, the name of a predefined set that is prepared
            (Torch and Detectron2 stay unloaded for both), or another registered name.

    Returns:
        As :func:`constrained_rcnn.data.annotation_format.load`.

    Raises:
        UserError: no such file or dataset, or Detectron2 is missing.
    """
    path, image_root = annotation_file(name)
    if path is not None:
        return annotation_format.load(path, image_root)
    from ..utils.dependencies import require_detectron2

    require_detectron2()
    from . import catalog

    return catalog.dataset_dicts(name)


def annotation_file(name: str) -> tuple[Path | None, Path | None]:
    """Where a set's annotations and images lie, without Detectron2.

    Args:
        name: as in :func:`dataset_dicts`.

    Returns:
        The JSON file and the folder of its images (None: what the file says); (None, None) for a name whose
        file is not where the predefined sets have theirs.
    """
    if name.endswith(".json") or os.path.exists(name):
        return Path(name), None
    parts = name.split("_")
    for length in range(len(parts), 0, -1):
        dataset = "_".join(parts[:length])
        path = prepared_root(dataset) / "annotations" / f"{name}.json"
        if path.is_file():
            elsewhere = source_root(dataset) != prepared_root(dataset)
            return path, source_root(dataset).absolute() if elsewhere else None
    return None, None


def class_names(name: str, merge_techniques: bool = False) -> tuple[str, ...]:
    """Classes of a prepared set, or the single one that remains when its techniques are merged."""
    if merge_techniques:
        return (TAMPERED,)
    path, _ = annotation_file(name)
    if path is None:
        return TECHNIQUES
    return tuple(category["name"] for category in annotation_format.read_json(path)["categories"])
