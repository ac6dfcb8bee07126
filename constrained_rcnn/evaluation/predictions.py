"""Scoring maps that stand on the disk: of this package or of any other tool (no Torch)."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from constrained_rcnn.data import annotation_format
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.output_folder import output_folder, staged

from ..data.lookup import annotation_file, class_names, dataset_dicts
from .audit import audit_warning
from .coco.annotations import write_coco_ground_truth
from .coco.average_precision import coco_ap, read_instances
from .coco.confidence import ap_intervals, ap_table
from .map_files import find_maps, read_map
from .metrics.records import PLAIN, MetricVariants, image_record
from .metrics.summary import summarise
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
        instances, merge_techniques: see :func:`instance_metrics`; None: no AP.
        output: gets ``metrics.json`` and ``per_image.json``; None: nothing is written.

    Returns:
        The table, and a line for each image that is in no metric.

    Raises:
        UserError: bad input.
    """
    dicts = dataset_dicts(dataset)
    records, problems = map_records(dicts, folder, ending=ending, variants=variants, progress=progress)
    warning = audit_warning(annotation_file(dataset)[0])
    summary = summarise(records, variants) | {"warnings": [warning] if warning else []}
    text, more = metrics_table(summary), {}
    with _place_for(output) as folder:
        if instances is not None:
            results = instance_metrics(dicts, class_names(dataset, merge_techniques), instances, folder)
            truth = folder / "coco_ground_truth.json"
            more["coco_intervals"] = ap_intervals(truth, read_instances(instances), list(results), records)
            more["coco"] = {task: {k: v / 100 for k, v in values.items()} for task, values in results.items()}
            rows = [["COCO (%)", *next(iter(results.values()))]]
            rows += [[task, *(f"{value:.2f}" for value in values.values())] for task, values in results.items()]
            text += "\n" + format_rows(rows) + "\n" + ap_table(more["coco"], more["coco_intervals"])
        if output is not None:
            write_results(folder, Path(dataset).stem, records, summary, variants, **more)
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
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[list[dict], list[str]]:
    """One record per image, as the evaluation of the model makes them.

    Args:
        items: the dataset.
        folder, ending: where the maps are, see :func:`.map_files.find_maps`.
        variants: see there.
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
            saved = read_map(path)
            records.append(image_record(item, saved.score_map, saved.score, variants, saved.predicted))
        except UserError as error:
            problems.append(f"{path}: {error}")
            records.append(image_record(item, None, None, variants) | {"skipped": BAD_MAP})
    return records, problems


def instance_metrics(
    items: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    instances: str | os.PathLike,
    folder: str | os.PathLike,
) -> dict[str, dict[str, float]]:
    """COCO AP of a result file.

    Args:
        items: the dataset; one class name merges its techniques.
        names: of the categories 1, 2, ... in the file.
        instances: ``coco_instances_results.json``.
        folder: gets ``coco_ground_truth.json``.

    Returns:
        As :func:`.coco.average_precision.coco_ap`.

    Raises:
        UserError: the file cannot be used.
    """
    results = read_instances(instances)
    if len(names) == 1:
        items = annotation_format.merge_techniques(items)
    unknown = {r["category_id"] for r in results} - set(range(1, len(names) + 1))
    if unknown:
        raise UserError(f"{instances}: category {sorted(unknown)[0]}; the classes are 1 to {len(names)}")
    truth = Path(folder) / "coco_ground_truth.json"
    tasks = write_coco_ground_truth(items, names, truth)
    if not all("segmentation" in result for result in results):
        tasks = ("bbox",)
    return coco_ap(truth, results, tasks)
