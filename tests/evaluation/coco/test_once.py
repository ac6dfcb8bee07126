"""COCO AP when a sampler's padding sends images to more than one process."""

from __future__ import annotations

import json

import numpy as np
import pycocotools.mask as rle_tools
import pytest
import torch
from detectron2.data import MetadataCatalog
from detectron2.evaluation import COCOEvaluator
from detectron2.structures import Boxes, BoxMode, Instances

from constrained_rcnn.evaluation.coco.annotations import write_coco_ground_truth
from constrained_rcnn.evaluation.coco.once import UniqueCOCOEvaluator

SIZE = (60, 80)
NAME = "coco once (test)"


def scenes(number=5, seed=0):
    """Dataset dicts with one region each, and blurred guesses at it with a false alarm beside."""
    rng = np.random.default_rng(seed)
    dicts, outputs = [], []
    for image_id in range(1, number + 1):
        x, y = (int(v) for v in rng.integers(2, 20, 2))
        truth = np.zeros(SIZE, np.uint8)
        truth[y : y + 30, x : x + 40] = 1
        annotation = {"bbox": [x, y, 40, 30], "bbox_mode": BoxMode.XYWH_ABS, "category_id": 0}
        annotation["segmentation"] = rle_tools.encode(np.asfortranarray(truth))
        dicts.append({"file_name": f"{image_id}.png", "image_id": image_id, "height": SIZE[0], "width": SIZE[1],
                      "annotations": [annotation]})  # fmt: skip
        masks = np.zeros((2, *SIZE), bool)
        masks[0, y + 2 : y + 30, x : x + 40 - image_id] = True
        masks[1, :10, 60:75] = True
        instances = Instances(SIZE)
        instances.pred_boxes = Boxes(torch.tensor([[x, y + 2.0, x + 40.5 - image_id, y + 30], [60, 0, 75, 10.25]]))
        instances.scores = torch.from_numpy(rng.random(2, dtype=np.float32))
        instances.pred_classes = torch.tensor([0, 0])
        instances.pred_masks = torch.from_numpy(masks)
        outputs.append({"instances": instances})
    return dicts, outputs


def register(tmp_path, dicts):
    path = tmp_path / "truth.json"
    tasks = write_coco_ground_truth(dicts, ["tampered"], path)
    if NAME in MetadataCatalog.list():
        MetadataCatalog.remove(NAME)
    MetadataCatalog.get(NAME).set(
        json_file=str(path), thing_classes=["tampered"], thing_dataset_id_to_contiguous_id={1: 0}
    )
    return tasks


def evaluated(evaluator, dicts, outputs):
    evaluator.reset()
    evaluator.process(dicts, outputs)
    return evaluator.evaluate()


def test_equals_detectron2s_evaluator_where_nothing_is_sent_twice(tmp_path):
    dicts, outputs = scenes()
    tasks = register(tmp_path, dicts)
    expected = evaluated(COCOEvaluator(NAME, tasks, False, str(tmp_path / "theirs")), dicts, outputs)
    results = evaluated(UniqueCOCOEvaluator(NAME, tasks=tasks, output_dir=str(tmp_path / "ours")), dicts, outputs)
    assert json.dumps(expected) == json.dumps(results) and 0 < results["segm"]["AP"] < 100
    files = [tmp_path / side / "coco_instances_results.json" for side in ("theirs", "ours")]
    assert json.loads(files[0].read_text()) == json.loads(files[1].read_text())


def test_without_masks(tmp_path):
    dicts, outputs = scenes()
    register(tmp_path, dicts)
    for output in outputs:
        output["instances"].remove("pred_masks")
    result = evaluated(UniqueCOCOEvaluator(NAME, tasks=("bbox",), output_dir=None), dicts, outputs)
    assert list(result) == ["bbox"] and result["bbox"]["AP"] > 0


def _process(rank, folder):
    """Evaluates its share of five images, of which the first stands in both shares."""
    torch.set_num_threads(1)
    # They meet in a file: a free port may be taken before it is used.
    rendezvous = (folder / "meeting").as_uri()
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    dicts, outputs = scenes()
    tasks = register(folder / str(rank), dicts)
    indices = ([0, 2, 4], [1, 3, 0])[rank]
    results = []
    for kind in (UniqueCOCOEvaluator, COCOEvaluator):
        evaluator = kind(NAME, tasks=tasks, distributed=True, output_dir=None)
        results.append(json.dumps(evaluated(evaluator, [dicts[i] for i in indices], [outputs[i] for i in indices])))
    (folder / f"{rank}.json").write_text(json.dumps(results))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_count_a_padded_image_once(tmp_path):
    """Detectron2's own evaluator is the counterproof: with it the padding shows."""
    dicts, outputs = scenes()
    tasks = register(tmp_path, dicts)
    expected = evaluated(UniqueCOCOEvaluator(NAME, tasks=tasks, output_dir=None), dicts, outputs)
    torch.multiprocessing.spawn(_process, args=(tmp_path,), nprocs=2)
    results = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    unique, padded = results[0]
    assert unique == json.dumps(expected) and padded != unique
    assert results[1][0] == "{}"
