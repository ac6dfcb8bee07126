"""COCO box and mask AP from result files, without the model and without Torch."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ...utils.errors import UserError

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl")


def read_instances(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Reads COCO's result format, ``coco_instances_results.json``.

    Raises:
        UserError: no such file, or another format.
    """
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
    keys = ("image_id", "category_id", "bbox", "score")
    if not isinstance(results, list) or not all(isinstance(r, dict) and all(k in r for k in keys) for r in results):
        raise UserError(f"{path}: not in COCO's result format: a list of {', '.join(keys)}")
    return results


def coco_ap(
    ground_truth: str | os.PathLike, instances: Sequence[Mapping[str, Any]], tasks: Sequence[str]
) -> dict[str, dict[str, float]]:
    """AP as pycocotools and Detectron2's COCOEvaluator give it.

    Args:
        ground_truth: file of :func:`.annotations.write_coco_ground_truth`.
        instances: in COCO's result format; each image once.
        tasks: "bbox", "segm" or both.

    Returns:
        task -> AP, AP50, AP75, APs, APm, APl and AP-<class> where there are several, in per cent; NaN where
        undefined, and everywhere without any instance.

    Raises:
        UserError: an instance of an image that is not in the ground truth.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(ground_truth))
    strangers = {r["image_id"] for r in instances} - set(truth.getImgIds())
    if strangers:
        raise UserError(f"instances of image {sorted(strangers, key=str)[0]}, which is not in the dataset")
    classes = [category["name"] for category in truth.loadCats(sorted(truth.getCatIds()))]
    return {task: _ap(truth, instances, task, classes) for task in tasks}


def _ap(truth: COCO, instances: Sequence[Mapping], task: str, classes: Sequence[str]) -> dict[str, float]:
    per_class = [f"AP-{name}" for name in classes] if len(classes) > 1 else []
    if not instances:
        return dict.fromkeys(NAMES, float("nan"))
    evaluation = matched(truth, instances, task)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.accumulate()
        evaluation.summarize()
    values = {name: _percent(value) for name, value in zip(NAMES, evaluation.stats)}
    for index, name in enumerate(per_class):
        precision = evaluation.eval["precision"][:, :, index, 0, -1]
        precision = precision[precision > -1]
        values[name] = float(np.mean(precision) * 100) if precision.size else float("nan")
    return values


def matched(truth: COCO, instances: Sequence[Mapping], task: str) -> COCOeval:
    """pycocotools' evaluation after its matching of instances (at least one) and regions, image by image."""
    results = copy.deepcopy(list(instances))
    if task == "segm":
        for result in results:  # else pycocotools takes an instance's area from its box
            result.pop("bbox", None)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(results), task)
        evaluation.evaluate()
    return evaluation


def _percent(value: float) -> float:
    return float(value * 100) if value >= 0 else float("nan")
