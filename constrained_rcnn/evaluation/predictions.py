"""Scoring maps that stand on the disk: of this package or of any other tool (no Torch)."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data import annotation_format
from ..data.lookup import annotation_file, class_names, dataset_dicts
from ..utils.errors import UserError
from ..utils.output_folder import output_folder, staged
from .audit import audit_warning
from .coco.annotations import write_coco_ground_truth
from .coco.average_precision import coco_ap, read_instances
from .coco.confidence import TRUTH, ap_intervals, ap_table
from .map_files import find_maps, read_map
from .metrics.records import PLAIN, MetricVariants, image_record
from .metrics.summary import summarise
from .metrics.techniques import Detections
from .results import write_results
from .table import format_rows, metrics_table

NO_FILE = "no file holds its map"
BAD_MAP = "the map cannot be used"


def evaluate_predictions(
    dataset: str,
    folder: str | os.PathLike,
    *,
    ending: str = "",
    variants: MetricVariants = PLAIN,
    instances: str | os.PathLike | None = None,
    merge_techniques: bool = False,
    output: str | os.PathLike | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[str, list[str]]:
    """What ``tools/evaluate_predictions.py`` does.

    Args:
        dataset: prepared split or registered name.
        folder, ending, variants, progress: see :func:`map_records`.
        instances: ``coco_instances_results.json`` of the same images, COCO's result format; None: no AP, and nothing
            is known of techniques.
        merge_techniques: that file has one class.
        output: gets ``metrics.json`` and ``per_image.json``; None: nothing is written.

    Returns:
        The table, and a line for each image that is in no metric.

    Raises:
        UserError: bad input.
    """
    dicts, detected, detections = dataset_dicts(dataset), None, None
    if instances is not None:
        names = class_names(dataset, merge_techniques)
        detected = _checked(read_instances(instances), names, instances)
        detections = detections_by_image(detected, names)
        dicts = annotation_format.merge_techniques(dicts) if len(names) == 1 else dicts
    records, problems = map_records(
        dicts, folder, ending=ending, variants=variants, detections=detections, progress=progress
    )
    warning = audit_warning(annotation_file(dataset)[0])
    summary = summarise(records, variants) | {"warnings": [warning] if warning else []}
    text, extra = metrics_table(summary), {}
    with _place_for(output) as folder:
        if detected is not None:
            results = instance_metrics(dicts, names, detected, folder / TRUTH)
            extra["coco_intervals"] = ap_intervals(folder / TRUTH, detected, list(results), records)
            extra["coco"] = {task: {k: v / 100 for k, v in values.items()} for task, values in results.items()}
            rows = [["COCO (%)", *next(iter(results.values()))]]
            rows += [[task, *(f"{value:.2f}" for value in values.values())] for task, values in results.items()]
            text += "\n" + format_rows(rows) + "\n" + ap_table(extra["coco"], extra["coco_intervals"])
        if output is not None:
            write_results(folder, Path(dataset).stem, records, summary, variants, **extra)
    return text, problems


@contextlib.contextmanager
def _place_for(output: str | os.PathLike | None) -> Iterator[Path]:
    """A folder whose files go to ``output`` in the end, where there is one."""
    if output is None:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
    else:
        with output_folder(output) as folder, staged(folder) as stage:
            yield stage


def map_records(
    items: Sequence[Mapping[str, Any]],
    folder: str | os.PathLike,
    *,
    ending: str = "",
    variants: MetricVariants = PLAIN,
    detections: Mapping[int | str, Detections] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[list[dict], list[str]]:
    """One record per image, as the evaluation of the model makes them.

    Args:
        items: the dataset.
        folder, ending: where the maps are, see :func:`.map_files.find_maps`.
        variants: see there.
        detections: of the images by id, see :func:`detections_by_image`; None: they are not known.
        progress: wraps the iteration, for instance ``tqdm``.

    Returns:
        The records by image id, and a line for each image whose map is missing or cannot be used. Such an
        image is in no metric.

    Raises:
        UserError: see :func:`.map_files.find_maps`.
    """
    files = find_maps(folder, items, ending)
    records, problems = [], []
    for item in progress(sorted(items, key=lambda item: (str(type(item["image_id"])), item["image_id"]))):
        path = files.get(item["image_id"])
        if path is None:
            problems.append(f"{item['file_name']}: no map")
            records.append(image_record(item, None, None, variants) | {"skipped": NO_FILE})
            continue
        try:
            saved, boxes = read_map(path), None if detections is None else detections[item["image_id"]]
            record = image_record(item, saved.score_map, saved.score, variants, saved.predicted, detections=boxes)
            records.append(record)
        except UserError as error:
            problems.append(f"{path}: {error}")
            records.append(image_record(item, None, None, variants) | {"skipped": BAD_MAP})
    return records, problems


def detections_by_image(
    instances: Iterable[Mapping[str, Any]], names: Sequence[str]
) -> defaultdict[int | str, Detections]:
    """Instances in COCO's result format as :func:`.metrics.techniques.match_regions` takes them, image by image.

    Args:
        instances: of categories 1, 2, ...
        names: of these categories.
    """
    by_image = defaultdict(lambda: Detections([], [], [], tuple(names)))
    for instance in instances:
        of_image = by_image[instance["image_id"]]
        x, y, width, height = instance["bbox"]
        of_image.techniques.append(names[instance["category_id"] - 1])
        of_image.scores.append(instance["score"])
        of_image.boxes.append([x, y, x + width, y + height])
    return by_image


def instance_metrics(
    items: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    instances: Sequence[Mapping[str, Any]],
    truth: str | os.PathLike,
) -> dict[str, dict[str, float]]:
    """COCO AP of a result file.

    Args:
        items: the dataset, its techniques merged where there is one class.
        names: of the categories 1, 2, ...
        instances: in COCO's result format.
        truth: file that the ground truth is written to.

    Returns:
        As :func:`.coco.average_precision.coco_ap`.

    Raises:
        UserError: an instance of an image that is not in the dataset.
    """
    tasks = write_coco_ground_truth(items, names, truth)
    if not all("segmentation" in instance for instance in instances):
        tasks = ("bbox",)
    return coco_ap(truth, instances, tasks)


def _checked(instances: list[dict], names: Sequence[str], file: str | os.PathLike) -> list[dict]:
    unknown = {instance["category_id"] for instance in instances} - set(range(1, len(names) + 1))
    if unknown:
        raise UserError(f"{file}: category {sorted(unknown)[0]}; the classes are 1 to {len(names)}")
    return instances
