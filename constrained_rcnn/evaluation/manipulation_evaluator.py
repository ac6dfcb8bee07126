"""Evaluation of a model in one pass: manipulation metrics, and beside them COCO box and mask AP."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.data import MetadataCatalog
from detectron2.evaluation import DatasetEvaluator, DatasetEvaluators
from detectron2.utils import comm

from ..data.techniques import UNCERTAIN
from ..utils.files import UNFINISHED
from ..utils.output_folder import publish
from .audit import audit_warning
from .coco.annotations import write_coco_ground_truth
from .coco.average_precision import read_instances
from .coco.confidence import INSTANCES, TRUTH, ap_intervals, ap_table
from .coco.once import UniqueCOCOEvaluator
from .map_files import map_names, write_map, write_preview
from .metrics.records import NO_MAP, PLAIN, DetectorOutput, MetricVariants, image_record, unique_records
from .metrics.summary import summarise
from .metrics.techniques import Detections
from .report import write_page
from .results import write_results
from .table import metrics_table

logger = logging.getLogger(__name__)

#: How far interpolation in float32 may carry a probability out of [0, 1] before it counts as a fault.
ROUNDING = 1e-5


class ManipulationEvaluator(DatasetEvaluator):
    """Pixel, image-level and false-alarm metrics of manipulation maps, and how often a technique is named rightly.

    Each image is reduced to a small record in :meth:`process`; no map is kept.

    Attributes:
        records, summary: what :meth:`evaluate` has found, on the main process: see
            :func:`.metrics.records.image_record` and :func:`.metrics.summary.summarise`.
    """

    def __init__(
        self,
        dataset_name: str,
        *,
        dataset_dicts: Sequence[Mapping[str, Any]] = (),
        class_names: Sequence[str] = (),
        output_dir: str | None = None,
        distributed: bool = True,
        variants: MetricVariants = PLAIN,
        map_dir: str | None = None,
        annotations: str | None = None,
    ):
        """
        Args:
            dataset_name: for the log and the files.
            dataset_dicts: the dataset; ground truth is looked up here by ``image_id``, because a data mapper may
                drop keys. An image that is not in it is described by the model's own input.
            class_names: of the model's classes.
            output_dir: small previews of the maps are written into ``previews`` below it, or none if None.
            distributed: gather from all processes.
            variants: see there.
            map_dir: every map is written below it as the images lie in ``dataset_dicts``, see
                :func:`.map_files.write_map`; nothing if None.
            annotations: the dataset's file; where an audit beside it says so, the image-level scores come with
                a warning.
        """
        self._dataset_name = dataset_name
        self._ground_truth = {item["image_id"]: item for item in dataset_dicts}
        self._class_names = tuple(class_names)
        self._output_dir = output_dir
        self._distributed = distributed
        self._variants = variants
        self._map_dir = map_dir
        self._annotations = annotations
        self._map_names = map_names(dataset_dicts)
        self.records: list[dict] = []
        self.summary: dict[str, Any] | None = None

    def reset(self):
        self.records, self.summary = [], None

    def process(self, inputs, outputs):
        """Reduces a batch.

        Args:
            inputs: dataset dicts as the model got them.
            outputs: per image a dict with "manipulation_map", (H, W) float tensor in [0, 1] at the image's
                original resolution, "manipulation_score", a number in [0, 1], and "instances". Without a map
                (stock GeneralizedRCNN) an image is in no pixel metric, without a score in no image-level one.
                Where an instance's "technique_named" is False, a user is not told its class but "manipulated region".

        Raises:
            UserError: a map or score cannot be scored (NaN, out of range, wrong size).
        """
        for item, output in zip(inputs, outputs):
            item = self._ground_truth.get(item["image_id"], item)
            score_map, score, predicted, detections = unpack_output(output, self._class_names)
            self.records.append(image_record(item, score_map, score, self._variants, predicted, detections=detections))
            if score_map is None:
                continue
            name = self._map_names.get(item["image_id"], os.path.basename(item["file_name"]))
            if self._map_dir:
                write_map(os.path.join(self._map_dir, name + ".npz"), score_map, score, predicted)
            if self._output_dir:  # for the page, which cannot know yet which images it will show
                write_preview(os.path.join(self._output_dir, "previews", name + ".png"), score_map)

    def evaluate(self) -> dict[str, dict[str, float]]:
        """Gathers, reduces and prints the table.

        Returns:
            {"manipulation": {metric: 100 * value}} with NaN for undefined values; {} except on the main
            process.
        """
        records = self.records
        if self._distributed:
            comm.synchronize()
            records = [record for part in comm.gather(records, dst=0) for record in part]
            if not comm.is_main_process():
                return {}
        records = unique_records(records)
        warning = audit_warning(self._annotations)
        summary = summarise(records, self._variants) | {"warnings": [warning] if warning else []}
        self.records, self.summary = records, summary
        if summary["skipped"].get(NO_MAP):
            logger.warning(
                "%d of %d images came without a manipulation map: their pixel metrics are undefined "
                "(MODEL.META_ARCHITECTURE ConstrainedRCNN gives one)",
                summary["skipped"][NO_MAP],
                len(records),
            )
        logger.info("Manipulation metrics on %s:\n%s", self._dataset_name, metrics_table(summary))
        return {"manipulation": {name: 100 * value for name, value in summary["metrics"].items()}}

    def write(self, folder: str | os.PathLike, **more: Any) -> tuple[dict[str, Any], list[dict]]:
        """Writes what :meth:`evaluate` has found, on the main process; see :func:`.results.write_results`."""
        return write_results(folder, self._dataset_name, self.records, self.summary, self._variants, **more)


class ManipulationEvaluators(DatasetEvaluators):
    """The evaluators of one dataset: what all of them found goes into one ``metrics.json`` and one page."""

    def __init__(
        self,
        manipulation: ManipulationEvaluator,
        others: Sequence[DatasetEvaluator],
        output_dir: str,
        dataset_dicts: Sequence[Mapping[str, Any]] = (),
        final_dir: str | None = None,
    ):
        """
        Args:
            manipulation: made for this dataset.
            others: COCO AP, to run beside it.
            output_dir: gets ``metrics.json``, ``per_image.json`` and ``report.html``.
            dataset_dicts: the dataset, for the page's images.
            final_dir: where all files of ``output_dir`` go when they are whole; None: they stay.
        """
        super().__init__([manipulation, *others])
        self._manipulation = manipulation
        self._output_dir = output_dir
        self._final_dir = final_dir
        self._dataset_dicts = dataset_dicts

    def evaluate(self):
        results = super().evaluate()
        if comm.is_main_process() and "manipulation" in results:
            folder, records = Path(self._output_dir), self._manipulation.records
            tasks = {task: values for task, values in results.items() if task != "manipulation"}
            coco = {task: {k: v / 100 for k, v in values.items()} for task, values in tasks.items()}
            intervals = {}
            if (folder / INSTANCES).is_file():  # there are none where no image was evaluated
                intervals = ap_intervals(folder / TRUTH, read_instances(folder / INSTANCES), list(tasks), records)
            logger.info("COCO AP with 95%% intervals:\n%s", ap_table(coco, intervals))
            content = self._manipulation.write(folder, coco=coco, coco_intervals=intervals)
            page = write_page(folder, self._dataset_dicts, results=content)
            if self._final_dir is not None:
                publish(folder, Path(self._final_dir))
                page = Path(self._final_dir) / page.name
            logger.info("Page with what is behind the table: %s", page)
        return results


def build_evaluators(
    dataset_name: str,
    dataset_dicts: Sequence[Mapping[str, Any]],
    class_names: Sequence[str],
    output_dir: str,
    mask_on: bool,
    *,
    distributed: bool = True,
    variants: MetricVariants = PLAIN,
    save_maps: bool = False,
) -> DatasetEvaluators:
    """All evaluators of a dataset.

    Args:
        dataset_name: for the log and the files.
        dataset_dicts: what the model is evaluated on, category ids 0-based into ``class_names``.
        class_names: the model's classes, after merging.
        output_dir: of this dataset, for instance ``OUTPUT_DIR/inference/<dataset>``. Gets ``metrics.json``
            (fractions), ``per_image.json``, ``coco_ground_truth.json`` and COCOEvaluator's files; when all are whole:
            an evaluation that fails leaves an earlier one as it was.
        mask_on: the model predicts masks (``MODEL.MASK_ON``); else, or where the ground truth is boxes only, mask AP
            is left out.
        distributed: gather from all processes.
        variants: other tables' conventions for the manipulation metrics.
        save_maps: write every map into ``maps`` below ``output_dir``.

    Returns:
        Evaluators whose results have the keys "manipulation", "bbox" and, with masks, "segm".
    """
    final_dir, output_dir = output_dir, os.path.join(output_dir, UNFINISHED)
    if not distributed or comm.is_main_process():
        shutil.rmtree(output_dir, ignore_errors=True)  # of an evaluation that failed
    if distributed:
        comm.synchronize()
    ground_truth = os.path.join(output_dir, TRUTH)
    # Every process writes the same file, each in one step: none has to wait for another to read it.
    possible = write_coco_ground_truth(dataset_dicts, class_names, ground_truth)
    tasks = tuple(task for task in possible if mask_on or task != "segm")

    is_registered = dataset_name in MetadataCatalog.list()
    annotations = MetadataCatalog.get(dataset_name).get("json_file") if is_registered else None
    name = f"{dataset_name} (evaluated)"  # the dataset's own metadata must not change by being evaluated
    if name in MetadataCatalog.list():
        MetadataCatalog.remove(name)
    MetadataCatalog.get(name).set(
        json_file=ground_truth,
        thing_classes=list(class_names),
        thing_dataset_id_to_contiguous_id={i + 1: i for i in range(len(class_names))},
    )
    coco = UniqueCOCOEvaluator(name, tasks=tasks, output_dir=output_dir, distributed=distributed)
    manipulation = ManipulationEvaluator(
        dataset_name,
        dataset_dicts=dataset_dicts,
        class_names=class_names,
        output_dir=output_dir,
        distributed=distributed,
        variants=variants,
        map_dir=os.path.join(output_dir, "maps") if save_maps else None,
        annotations=annotations,
    )
    return ManipulationEvaluators(manipulation, [coco], output_dir, dataset_dicts, final_dir)


def unpack_output(output: Mapping[str, Any], class_names: Sequence[str]) -> DetectorOutput:
    """What :func:`.metrics.records.image_record` needs of a model's output for one image.

    Args:
        output: as in :meth:`ManipulationEvaluator.process`.
        class_names: of the model's classes.

    Returns:
        The map, (H, W) float32, and the score, rounding errors taken off; the class of the best-scored
        instance; all instances. None for what the model does not give.
    """
    score = output.get("manipulation_score")
    if score is not None:
        score = float(_within_rounding(np.float64(float(score))))
    instances, predicted, detections = output.get("instances"), None, None
    if instances is not None and instances.has("scores"):
        names = [class_names[c] if c < len(class_names) else str(c) for c in instances.pred_classes.tolist()]
        predicted = names[int(instances.scores.argmax())] if names else None
        if instances.has("technique_named"):
            names = [name if named else UNCERTAIN for name, named in zip(names, instances.technique_named.tolist())]
        boxes = instances.pred_boxes.tensor.detach().cpu().numpy()
        detections = Detections(names, instances.scores.tolist(), boxes, class_names)
    return DetectorOutput(_as_array(output.get("manipulation_map")), score, predicted, detections)


def _as_array(score_map) -> np.ndarray | None:
    """(H, W) tensor or array -> float32 array, rounding errors taken off."""
    if score_map is None:
        return None
    if isinstance(score_map, torch.Tensor):
        score_map = score_map.detach().to("cpu", torch.float32).numpy()
    return _within_rounding(np.asarray(score_map))


def _within_rounding(values: np.ndarray) -> np.ndarray:
    """Clips to [0, 1] what rounding carried out of it; anything worse, or NaN, is left for the checks."""
    if values.dtype.kind == "f" and values.size:
        lowest, highest = values.min(), values.max()
        if (lowest < 0 or highest > 1) and lowest >= -ROUNDING and highest <= 1 + ROUNDING:
            return values.clip(0, 1)
    return values
