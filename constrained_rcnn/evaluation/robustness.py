"""How the metrics fall when images are compressed, blurred or resized: table, JSON and page with curves (no Torch)."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..images.reading import MAX_PIXELS, read_image, read_mask
from ..utils.errors import UserError
from ..utils.files import write_bytes_atomic, write_json_atomic
from ..utils.journal import Journal
from ..utils.output_folder import claim_settings, output_folder, staged
from .metrics.records import PLAIN, DetectorOutput, MetricVariants, image_record
from .metrics.summary import summarise
from .perturbations import CLEAN, Perturbation, resize_mask
from .results import write_results
from .robustness_page import robustness_page
from .table import format_rows, interval_text, without_nan

logger = logging.getLogger(__name__)

#: Columns of the table: metric, and whether its interval stands beside it.
COLUMNS = (("f1_best", True), ("f1_fixed", False), ("auc", True), ("false_alarm_area", False), ("image_auc", True))
#: (dataset dict, (H, W, 3) uint8 BGR) -> a DetectorOutput, or the first of its fields.
Detector = Callable[[Mapping[str, Any], np.ndarray], tuple]


def evaluate_points(
    items: Sequence[Mapping[str, Any]],
    points: Sequence[Perturbation],
    detector: Detector,
    folder: str | os.PathLike,
    settings: Mapping[str, Any],
    *,
    variants: MetricVariants = PLAIN,
    seed: int = 0,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, dict[str, Any]]:
    """Evaluates a detector at every point; a run that was killed goes on with the image it stopped at.

    Args:
        items: the dataset.
        points: see :func:`.perturbations.protocol_points`.
        detector: called with each image.
        folder: gets ``<point>/metrics.json`` and ``<point>/per_image.json``, and at the end
            ``robustness.json``, ``robustness.md`` and ``robustness.html``, a page with curves.
        settings: what the results depend on (dataset, weights, ...); another run's folder is refused.
        variants: see there.
        seed: of the noise.
        max_pixels: larger images are refused.
        progress: wraps the iteration over the images of a point, for instance ``tqdm``.

    Returns:
        point name -> what :func:`.metrics.summary.summarise` returns.

    Raises:
        UserError: the folder holds another run's results, another run is at work there, or an image cannot be read.
        OutputError: an output cannot be written.
    """
    settings = {**settings, "seed": seed}
    with output_folder(folder, parts=[point.name for point in points]) as folder:
        claim_settings(folder, settings)
        summaries = {}
        for point in points:
            metrics_file = folder / point.name / "metrics.json"
            if metrics_file.is_file() and (metrics_file.parent / "per_image.json").is_file():
                logger.info("%s: done before", point.name)
                content = json.loads(metrics_file.read_text(encoding="utf-8"))
            else:
                with Journal(metrics_file.with_name("partial.jsonl"), json.dumps(settings, sort_keys=True)) as journal:
                    records = _records(items, point, detector, journal, variants, seed, max_pixels, progress)
                    with staged(folder) as stage:
                        content, _ = write_results(
                            stage / point.name, settings.get("dataset", ""), records, summarise(records, variants),
                            variants, perturbation=point.name,
                        )  # fmt: skip
                    journal.remove()
            summaries[point.name] = _with_nan(content)
        content = {"settings": settings, "unit": "fractions, not per cent; null is undefined", "points": summaries}
        with staged(folder) as stage:
            write_json_atomic(stage / "robustness.json", without_nan(content), indent=2)
            write_bytes_atomic(stage / "robustness.md", (robustness_table(summaries) + "\n").encode())
            page = robustness_page(summaries, settings.get("dataset", ""))
            write_bytes_atomic(stage / "robustness.html", page.encode())
    return summaries


def robustness_table(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """A row per point, in per cent, with intervals and the loss against the clean point."""
    heading = ["perturbation"]
    for name, with_interval in COLUMNS:
        heading += [name, "95% interval"] if with_interval else [name]
    rows = [[*heading, "f1_best - clean"]]
    clean = summaries.get(CLEAN, {}).get("metrics", {}).get("f1_best", float("nan"))
    for name, summary in summaries.items():
        row = [name]
        for metric, with_interval in COLUMNS:
            row.append(f"{100 * summary['metrics'][metric]:.2f}")
            if with_interval:
                row.append(interval_text(summary["intervals"][metric]))
        rows.append([*row, f"{100 * (summary['metrics']['f1_best'] - clean):+.2f}"])
    counts = next(iter(summaries.values()))["counts"]
    return f"{format_rows(rows)}\nn(manipulated) = {counts['n_manipulated']}, n(authentic) = {counts['n_authentic']}"


def _records(items, point, detector, journal, variants, seed, max_pixels, progress) -> list[dict]:
    """The records of a point, each kept on the disk as soon as it is made."""
    records = {}
    for item in progress(items):
        key = item["image_id"]
        if key in journal:
            records[key] = journal.get(key)
        else:
            records[key] = perturbed_record(item, point, detector, variants, seed, max_pixels)
            journal.add(key, records[key])
    return [records[key] for key in sorted(records, key=lambda key: (str(type(key)), key))]


def perturbed_record(
    item: Mapping[str, Any],
    point: Perturbation,
    detector: Detector,
    variants: MetricVariants = PLAIN,
    seed: int = 0,
    max_pixels: int = MAX_PIXELS,
) -> dict[str, Any]:
    """Perturbs one image, detects, and reduces it as the plain evaluation does.

    Returns:
        What :func:`.metrics.records.image_record` returns; where the image was resized, against its mask resized by
        nearest, and its boxes.
    """
    image = read_image(item["file_name"], "BGR", max_pixels=max_pixels)
    size = image.shape[:2]
    if size != (item["height"], item["width"]):
        raise UserError(
            f"{item['file_name']}: {size[1]}x{size[0]} pixels, its annotations say otherwise; prepare again"
        )
    image = point(image, key=item["image_id"], seed=seed)
    item = _resized(item, image.shape[:2])

    def read_truth(path, size, original=size):
        return resize_mask(read_mask(path, size=original), size)

    score_map, score, predicted, detections = DetectorOutput(*detector(item, image))
    return image_record(item, score_map, score, variants, predicted, read_truth, detections=detections)


def _resized(item: Mapping[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """The dataset dict of an image that was resized to (height, width): corners and sides of boxes scale alike."""
    resized = {**item, "height": size[0], "width": size[1]}
    if "annotations" in item:
        scale = np.array([size[1] / item["width"], size[0] / item["height"]] * 2)
        boxes = [(np.asarray(annotation["bbox"], float) * scale).tolist() for annotation in item["annotations"]]
        resized["annotations"] = [{**a, "bbox": box} for a, box in zip(item["annotations"], boxes)]
    return resized


def _with_nan(summary: dict[str, Any]) -> dict[str, Any]:
    """The numbers that JSON has as null."""
    nan = float("nan")
    summary["metrics"] = {k: nan if v is None else v for k, v in summary["metrics"].items()}
    summary["intervals"] = {k: [nan if b is None else b for b in v] for k, v in summary["intervals"].items()}
    return summary
