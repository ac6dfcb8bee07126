"""The evaluators on made-up model outputs, COCO AP included."""

from __future__ import annotations

import errno
import json
import logging
import math
import os

import numpy as np
import pycocotools.mask as rle_tools
import pytest
import torch
from detectron2.structures import Boxes, BoxMode, Instances

from constrained_rcnn.evaluation import manipulation_evaluator as module
from constrained_rcnn.evaluation.manipulation_evaluator import ManipulationEvaluator, build_evaluators
from constrained_rcnn.evaluation.metrics.records import NO_MAP, NO_MASK, MetricVariants
from constrained_rcnn.evaluation.metrics.techniques import TECHNIQUE_METRICS
from constrained_rcnn.utils import files
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.files import write_png_atomic

NAMES = ("splice", "copy-move", "removal")
SIZE = (40, 60)
TRUTH = np.zeros(SIZE, np.uint8)
TRUTH[8:28, 12:44] = 1


@pytest.fixture
def dicts(tmp_path):
    """Two forgeries (splice, copy-move) and an authentic image."""
    mask = tmp_path / "mask.png"
    write_png_atomic(mask, TRUTH.astype(bool))
    rle = rle_tools.encode(np.asfortranarray(TRUTH))
    result = []
    for image_id, technique in enumerate(("splice", "copy-move", "authentic"), start=1):
        authentic = technique == "authentic"
        annotation = {
            "bbox": [12.0, 8.0, 32.0, 20.0],
            "bbox_mode": BoxMode.XYWH_ABS,
            "segmentation": rle,
            "category_id": 0 if authentic else NAMES.index(technique),
        }
        result.append(
            {
                "file_name": f"{image_id}.png",
                "image_id": image_id,
                "height": SIZE[0],
                "width": SIZE[1],
                "annotations": [] if authentic else [annotation],
                "mask_file_name": None if authentic else str(mask),
                "authentic": authentic,
                "technique": technique,
            }
        )
    return result


def detections(category, number=1, masks=True):
    instances = Instances(SIZE)
    instances.pred_boxes = Boxes(torch.tensor([[12.0, 8.0, 44.0, 28.0]] * number).reshape(-1, 4))
    instances.scores = torch.full((number,), 0.9)
    instances.pred_classes = torch.full((number,), category)
    if masks:
        instances.pred_masks = torch.from_numpy(TRUTH.astype(bool)).expand(number, *SIZE)
    return instances


def perfect_output(item, masks=True):
    """What a model that knows the truth returns."""
    region_count = 0 if item["authentic"] else 1
    score_map = torch.from_numpy(TRUTH.astype(np.float32) * region_count)
    category = NAMES.index(item["technique"]) if region_count else 0
    return {
        "instances": detections(category, region_count, masks),
        "manipulation_map": score_map,
        "manipulation_score": score_map.max() if masks else float(region_count),
    }


def run(evaluator, dicts, outputs):
    evaluator.reset()
    for item, output in zip(dicts, outputs):
        # A mapper may leave the ground truth out of what the model sees.
        evaluator.process([{key: item[key] for key in ("file_name", "image_id", "height", "width")}], [output])
    return evaluator.evaluate()


def test_a_perfect_model_scores_one_hundred_everywhere(dicts, tmp_path):
    folder = tmp_path / "inference" / "tiny"
    results = run(build_evaluators("tiny", dicts, NAMES, str(folder), mask_on=True), dicts, map(perfect_output, dicts))
    metrics = results["manipulation"]
    for name in (
        "f1_best",
        "f1_fixed",
        "auc",
        "f1_best/splice",
        "auc/copy-move",
        "f1_pooled",
        "image_auc",
        "image_bacc",
    ):
        assert metrics[name] == 100, name
    assert metrics["false_alarm_area"] == 0 and "f1_best/authentic" not in metrics
    for task in ("bbox", "segm"):
        assert results[task]["AP"] == pytest.approx(100) and results[task]["AP-copy-move"] == pytest.approx(100)
    content = json.loads((folder / "metrics.json").read_text())
    assert content["metrics"]["f1_best"] == 1 and content["coco"]["segm"]["AP50"] == pytest.approx(1)
    assert content["coco"]["bbox"]["AP-removal"] is None  # undefined: no removal in the set
    assert content["counts"]["n_manipulated"] == 2 and content["counts"]["n_authentic"] == 1
    assert [record["image_id"] for record in json.loads((folder / "per_image.json").read_text())] == [1, 2, 3]


def test_how_regions_were_named_is_in_table_json_and_page(dicts, tmp_path, caplog):
    outputs = [perfect_output(item) for item in dicts]
    outputs[1]["instances"].pred_classes[:] = 2  # the copy-move is called a removal
    outputs[2] |= {"instances": detections(0, 2), "manipulation_score": 0.9}
    outputs[2]["instances"].technique_named = torch.tensor([True, False])
    with caplog.at_level(logging.INFO, logger=module.__name__):
        results = run(build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=True), dicts, outputs)
    assert results["manipulation"]["technique_accuracy"] == 50
    assert results["manipulation"]["technique_precision/splice"] == 50  # one of two, the other a false alarm
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["techniques"]["counts"] == [
        [1, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 0],
    ]  # fmt: skip
    assert content["metrics"]["technique_accuracy/removal"] is None and "technique_accuracy" in content["intervals"]
    named = [record["detections"]["regions"] for record in json.loads((tmp_path / "per_image.json").read_text())]
    assert named == [[["splice", "splice"]], [["copy-move", "removal"]], []]
    for text in (caplog.text, (tmp_path / "report.html").read_text()):
        assert "false alarm (authentic)" in text and "technique_precision" in text and "manipulated region" in text


def test_a_single_class_finds_regions_and_names_none(dicts, tmp_path):
    merged = [{**item, "annotations": [{**a, "category_id": 0} for a in item["annotations"]]} for item in dicts]
    outputs = [perfect_output(item) for item in merged]
    for output in outputs:
        output["instances"].pred_classes[:] = 0
    results = run(build_evaluators("tiny", merged, ["tampered"], str(tmp_path), mask_on=True), merged, outputs)
    assert results["manipulation"]["region_found/copy-move"] == 100  # its image says what it is
    assert math.isnan(results["manipulation"]["technique_accuracy"])


def test_each_file_is_written_once(dicts, tmp_path, monkeypatch):
    names, atomic_file = [], files.atomic_file

    def counting(path):
        names.append(os.path.basename(path))
        return atomic_file(path)

    monkeypatch.setattr(files, "atomic_file", counting)
    run(build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=True), dicts, map(perfect_output, dicts))
    assert {"metrics.json", "per_image.json", "report.html"} <= set(names) and len(names) == len(set(names))


def test_evaluating_again_with_other_classes_uses_the_new_ground_truth(dicts, tmp_path):
    run(build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=True), dicts, map(perfect_output, dicts))
    merged = [{**item, "annotations": [{**a, "category_id": 0} for a in item["annotations"]]} for item in dicts]
    outputs = [perfect_output(item) for item in merged]
    for output in outputs:
        output["instances"].pred_classes[:] = 0
    results = run(build_evaluators("tiny", merged, ["tampered"], str(tmp_path), mask_on=True), merged, outputs)
    assert results["bbox"]["AP"] == results["segm"]["AP"] == pytest.approx(100)
    assert results["manipulation"]["f1_best/copy-move"] == 100  # techniques of the ground truth, not classes


@pytest.mark.parametrize("fails_in", ["process", "evaluate", "page"])
def test_an_evaluation_that_fails_leaves_the_earlier_one_whole(dicts, tmp_path, monkeypatch, fails_in):
    build = lambda: build_evaluators("tiny", dicts, NAMES, str(tmp_path / "out"), mask_on=True, save_maps=True)  # noqa: E731
    run(build(), dicts, map(perfect_output, dicts))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    original = {path: path.read_bytes() for path in files}
    assert {"metrics.json", "report.html", "coco_instances_results.json", "1.png.png", "1.png.npz"} <= {
        path.name for path in files
    }
    outputs = [perfect_output(item) for item in dicts]
    for output in outputs:
        output["manipulation_map"] = output["manipulation_map"] * 0.7

    def fails(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fails_in == "page":
        monkeypatch.setattr(module, "write_page", fails)
    elif fails_in == "evaluate":
        monkeypatch.setattr(module, "write_results", fails)
    else:
        outputs = [*outputs[:2], {**outputs[2], "manipulation_score": float("nan")}]
    with pytest.raises((OSError, UserError)):
        run(build(), dicts, outputs)
    assert {path: path.read_bytes() for path in files} == original
    monkeypatch.undo()
    run(build(), dicts, [{**output, "manipulation_score": 0.7} for output in outputs])
    current = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert current.keys() == original.keys() and current != original


def test_nothing_detected(dicts, tmp_path):
    blank = {"instances": detections(0, 0), "manipulation_map": torch.zeros(SIZE), "manipulation_score": 0.0}
    results = run(build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=True), dicts, [blank] * 3)
    assert results["manipulation"]["f1_fixed"] == 0 and results["manipulation"]["auc"] == 50
    assert math.isnan(results["bbox"]["AP"])  # COCOEvaluator's own answer to no predictions at all
    assert json.loads((tmp_path / "metrics.json").read_text())["coco"]["bbox"]["AP"] is None


def test_authentic_images_only(dicts, tmp_path):
    item = dicts[2]
    output = {**perfect_output(item), "instances": detections(1)}
    results = run(build_evaluators("tiny", [item], NAMES, str(tmp_path), mask_on=True), [item], [output])
    assert math.isnan(results["manipulation"]["f1_best"]) and math.isnan(results["manipulation"]["image_auc"])
    assert results["manipulation"]["false_alarm_area"] == 0
    assert math.isnan(results["bbox"]["AP"]) and math.isnan(results["segm"]["AP"])


def test_boxes_only_ground_truth_skips_masks_and_says_so(dicts, tmp_path):
    for item in dicts:
        item["mask_file_name"] = None
        for annotation in item["annotations"]:
            del annotation["segmentation"]
    results = run(
        build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=True), dicts, map(perfect_output, dicts)
    )
    assert results["bbox"]["AP"] == pytest.approx(100) and "segm" not in results
    assert math.isnan(results["manipulation"]["f1_best"]) and results["manipulation"]["image_auc"] == 100
    assert json.loads((tmp_path / "metrics.json").read_text())["skipped"] == {NO_MASK: 2}


def test_stage_one_has_no_mask_ap(dicts, tmp_path):
    outputs = [perfect_output(item, masks=False) for item in dicts]
    results = run(build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=False), dicts, outputs)
    assert results["bbox"]["AP"] == pytest.approx(100) and "segm" not in results


def test_a_model_without_maps_gets_coco_ap_and_one_warning(dicts, tmp_path, caplog):
    outputs = [{"instances": perfect_output(item)["instances"]} for item in dicts]
    with caplog.at_level(logging.WARNING, logger=module.__name__):
        results = run(build_evaluators("tiny", dicts, NAMES, str(tmp_path), mask_on=True), dicts, outputs)
    assert [record.levelname for record in caplog.records if record.name == module.__name__] == ["WARNING"]
    assert results["segm"]["AP"] == pytest.approx(100)
    techniques = {n: v for n, v in results["manipulation"].items() if n.startswith(TECHNIQUE_METRICS)}
    assert techniques["technique_accuracy"] == techniques["region_found"] == 100  # they need no map
    assert all(math.isnan(value) for name, value in results["manipulation"].items() if name not in techniques)
    assert json.loads((tmp_path / "metrics.json").read_text())["skipped"] == {NO_MAP: 3}


def test_images_that_two_processes_saw_count_once(dicts, monkeypatch):
    evaluator = ManipulationEvaluator("tiny", dataset_dicts=dicts)
    outputs = [perfect_output(item) for item in dicts]
    outputs[1]["manipulation_map"] = 1 - outputs[1]["manipulation_map"]
    expected = run(evaluator, dicts, outputs)
    monkeypatch.setattr(module.comm, "gather", lambda records, dst: [records[:2], records[1:], records[:1]])
    gathered = run(evaluator, dicts, outputs)
    assert gathered["manipulation"] == pytest.approx(expected["manipulation"], nan_ok=True)
    assert expected["manipulation"]["f1_fixed"] == 50
    monkeypatch.setattr(module.comm, "is_main_process", lambda: False)
    assert run(evaluator, dicts, outputs) == {}


def test_reset_forgets(dicts):
    evaluator = ManipulationEvaluator("tiny", dataset_dicts=dicts)
    first = run(evaluator, dicts[:1], map(perfect_output, dicts))["manipulation"]
    assert math.isnan(first["false_alarm_area"])
    second = run(evaluator, dicts[2:], map(perfect_output, dicts[2:]))["manipulation"]
    assert second["false_alarm_area"] == 0 and math.isnan(second["f1_best"])


def test_rounding_is_forgiven_and_faults_are_not(dicts):
    evaluator = ManipulationEvaluator("tiny", dataset_dicts=dicts)
    output = perfect_output(dicts[0])
    output["manipulation_map"] = output["manipulation_map"] * (1 + 1e-6) - 1e-7
    output["manipulation_score"] = 1 + 1e-6
    assert run(evaluator, dicts[:1], [output])["manipulation"]["f1_best"] == 100
    for bad in (torch.full(SIZE, float("nan")), torch.full(SIZE, 1.1), torch.zeros(3, 3)):
        with pytest.raises(UserError, match="1.png"):
            evaluator.process(dicts[:1], [{**output, "manipulation_map": bad}])
    with pytest.raises(UserError, match="score nan"):
        evaluator.process(dicts[:1], [{**output, "manipulation_score": float("nan")}])


def test_paper_variant_uses_the_predicted_classes(dicts):
    outputs = [perfect_output(item) for item in dicts]
    outputs[1]["manipulation_map"] = torch.zeros(SIZE)
    variants = MetricVariants(paper=True)
    evaluator = ManipulationEvaluator("tiny", dataset_dicts=dicts, class_names=NAMES, variants=variants)
    metrics = run(evaluator, dicts, outputs)["manipulation"]
    assert metrics["paper_auc"] == pytest.approx((100 + 50) / 2)
    outputs[1]["instances"] = detections(0, 0)  # nothing predicted: in no class's mean
    assert run(evaluator, dicts, outputs)["manipulation"]["paper_auc"] == 100
