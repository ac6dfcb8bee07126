"""COCO AP in which every image counts once, whatever number of processes evaluates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pycocotools.mask as rle_tools
import torch
from detectron2.evaluation import COCOEvaluator, DatasetEvaluator
from detectron2.structures import Boxes, Instances
from detectron2.utils import comm


class UniqueCOCOEvaluator(DatasetEvaluator):
    """``COCOEvaluator`` behind a gathering of its own.

    Detectron2's joins the predictions of all processes as they are: an image that a sampler's padding sent to
    two of them counts its instances twice, and every second one is a false alarm to COCO's AP. Here the
    instances are gathered, an image's first kept, and handed to an undistributed ``COCOEvaluator``.
    """

    def __init__(self, dataset_name: str, *, tasks: Sequence[str], output_dir: str | None, distributed: bool = True):
        """
        Args:
            dataset_name: its metadata has ``json_file``, COCO's ground truth.
            tasks: "bbox", "segm" or both.
            output_dir: as COCOEvaluator's; ``coco_instances_results.json`` is written there.
            distributed: gather from all processes.
        """
        self._coco = COCOEvaluator(dataset_name, tuple(tasks), False, output_dir, use_fast_impl=False)
        self._distributed = distributed
        self._predictions: dict[int | str, dict] = {}

    def reset(self):
        self._coco.reset()
        self._predictions = {}

    def process(self, inputs, outputs):
        """Keeps a batch's instances, masks as RLE.

        Args:
            inputs: dataset dicts with ``image_id``.
            outputs: per image a dict with "instances" at the image's original resolution.
        """
        for item, output in zip(inputs, outputs):
            if "instances" in output:
                self._predictions.setdefault(item["image_id"], _packed(output["instances"].to("cpu")))

    def evaluate(self):
        """COCOEvaluator's results; {} except on the main process."""
        predictions = self._predictions
        if self._distributed:
            comm.synchronize()
            gathered = comm.gather(predictions, dst=0)
            if not comm.is_main_process():
                return {}
            predictions = {}
            for part in gathered:
                predictions = part | predictions
        self._coco.reset()
        for image_id, packed in sorted(predictions.items(), key=lambda pair: (str(type(pair[0])), pair[0])):
            self._coco.process([{"image_id": image_id}], [{"instances": _unpacked(packed)}])
        return self._coco.evaluate()


class RunLengthMasks:
    """(R, H, W) bool masks kept as RLE and decoded one at a time, while they are iterated over."""

    def __init__(self, rles: Sequence[dict]):
        self._rles = rles

    def __len__(self) -> int:
        return len(self._rles)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (rle_tools.decode(rle).astype(bool) for rle in self._rles)


def _packed(instances: Instances) -> dict:
    """What COCO needs of an image's instances, small enough to gather."""
    packed = {
        "size": instances.image_size,
        "boxes": instances.pred_boxes.tensor.numpy(),
        "scores": instances.scores.numpy(),
        "classes": instances.pred_classes.numpy(),
        "masks": None,
    }
    if instances.has("pred_masks"):
        packed["masks"] = [
            rle_tools.encode(np.asfortranarray(np.asarray(mask), dtype=np.uint8)) for mask in instances.pred_masks
        ]
    return packed


def _unpacked(packed: dict) -> Instances:
    instances = Instances(packed["size"])
    instances.pred_boxes = Boxes(torch.from_numpy(packed["boxes"]))
    instances.scores = torch.from_numpy(packed["scores"])
    instances.pred_classes = torch.from_numpy(packed["classes"])
    if packed["masks"] is not None:
        instances.pred_masks = RunLengthMasks(packed["masks"])
    return instances
