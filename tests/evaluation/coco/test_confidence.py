"""COCO AP as a function of image weights: pycocotools' own at weight 1, and a copy of an image is a weight of 2."""

from __future__ import annotations

import copy
import json

import numpy as np
import pycocotools.mask as rle_tools
import pytest

from constrained_rcnn.evaluation.coco import confidence
from constrained_rcnn.evaluation.coco.average_precision import coco_ap
from constrained_rcnn.evaluation.coco.confidence import (
    NAMES,
    WeightedAP,
    _truth,
    ap_intervals,
    ap_table,
    compare_ap_of_folders,
)

CLASSES = ("splice", "copy-move")


def scenes(number=12, seed=0, skill=6.0):
    """COCO ground truth and results: boxes of two classes, guesses around them, and false alarms."""
    rng = np.random.default_rng(seed)
    images, annotations, results = [], [], []
    for image in range(1, number + 1):
        images.append({"id": image, "height": 100, "width": 120})
        for _ in range(int(rng.integers(0, 3))):
            x, y, w, h = (int(v) for v in rng.integers([0, 0, 20, 20], [60, 40, 55, 55]))
            corners = [x, y, x + w, y, x + w, y + h, x, y + h]
            category = int(rng.integers(1, 3))
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": category, "iscrowd": 0,
                                "bbox": [x, y, w, h], "area": w * h, "segmentation": [corners]})  # fmt: skip
            jitter = rng.normal(0, skill, 4)
            results.append(_result(image, category, np.maximum([x, y, w, h] + jitter, 1), rng))
        for _ in range(2):
            results.append(_result(image, int(rng.integers(1, 3)), rng.uniform(5, 60, 4), rng))
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def _result(image, category, box, rng):
    x, y, w, h = (float(v) for v in box)
    mask = rle_tools.frPyObjects([[x, y, x + w, y, x + w, y + h, x, y + h]], 100, 120)[0]
    mask["counts"] = mask["counts"].decode()
    return {"image_id": image, "category_id": category, "bbox": [x, y, w, h], "score": float(rng.random()),
            "segmentation": mask}  # fmt: skip


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def with_crowds(truth):
    """Every third region is a crowd: what is found on it counts neither way."""
    return truth | {"annotations": [a | {"iscrowd": int(i % 3 == 0)} for i, a in enumerate(truth["annotations"])]}


@pytest.mark.parametrize("task, crowds", [("bbox", False), ("segm", False), ("bbox", True)])
def test_equal_weights_are_exactly_pycocotools(tmp_path, task, crowds):
    truth, results = scenes()
    file = write(tmp_path / "truth.json", with_crowds(truth) if crowds else truth)
    expected = coco_ap(file, results, [task])[task]
    weighted = WeightedAP(_truth(file), results, task, range(1, 13))(np.ones((2, 12)))
    assert {name: (100 * weighted[name]).tolist() for name in NAMES} == {name: [expected[name]] * 2 for name in NAMES}
    assert 0.05 < weighted["AP"][0] < 0.95


@pytest.mark.parametrize("crowds", [False, True])
def test_a_weight_is_a_number_of_copies(tmp_path, monkeypatch, crowds):
    monkeypatch.setattr(confidence, "BLOCK", 1)  # a draw at a time
    truth, results = scenes(seed=3)
    truth = with_crowds(truth) if crowds else truth
    weights = np.random.default_rng(0).integers(0, 4, (3, 12))
    file = write(tmp_path / "truth.json", truth)
    weighted = WeightedAP(_truth(file), results, "bbox", range(1, 13))(weights.astype(float))
    for row, counts in enumerate(weights):
        copied, copied_results = copy.deepcopy(truth) | {"images": [], "annotations": []}, []
        for image, times in zip(range(1, 13), counts):
            for number in range(times):
                new_id = image * 100 + number
                copied["images"].append({"id": new_id, "height": 100, "width": 120})
                for annotation in truth["annotations"]:
                    if annotation["image_id"] == image:
                        number_of = len(copied["annotations"]) + 1
                        copied["annotations"].append(annotation | {"id": number_of, "image_id": new_id})
                copied_results += [result | {"image_id": new_id} for result in results if result["image_id"] == image]
        expected = coco_ap(write(tmp_path / "copied.json", copied), copied_results, ["bbox"])["bbox"]
        for name in NAMES:
            assert weighted[name][row] == pytest.approx(expected[name] / 100, abs=1e-9)


def test_draws_without_regions_or_instances(tmp_path):
    truth, results = scenes()
    one_class = truth | {"annotations": [a for a in truth["annotations"] if a["category_id"] == 1]}
    alarms = [result for result in results if result["category_id"] == 2]
    weighted = WeightedAP(_truth(write(tmp_path / "truth.json", one_class)), alarms, "bbox", range(1, 13))
    found_nothing, no_image = weighted(np.stack([np.ones(12), np.zeros(12)]))["AP"]
    assert found_nothing == 0 and np.isnan(no_image)


def test_intervals_surround_the_value_and_narrow_with_more_images(tmp_path):
    widths = []
    for number in (10, 120):
        truth, results = scenes(number, seed=1)
        file = write(tmp_path / f"{number}.json", truth)
        records = [{"image_id": i + 1, "group": None} for i in range(number)]
        intervals = ap_intervals(file, results, ["bbox"], records, resamples=200)["bbox"]
        value = coco_ap(file, results, ["bbox"])["bbox"]
        for name in NAMES:
            lower, upper = intervals[name]
            assert lower <= value[name] / 100 <= upper
        widths.append(intervals["AP"][1] - intervals["AP"][0])
        assert "bbox/AP50" in ap_table({"bbox": {k: v / 100 for k, v in value.items()}}, {"bbox": intervals})
        one_group = ap_intervals(file, results, ["bbox"], [r | {"group": "x"} for r in records])["bbox"]
        assert np.isnan(one_group["AP"]).all()  # one source shows no spread
    assert widths[1] < 0.6 * widths[0]
    assert np.isnan(ap_intervals(file, [], ["bbox"], records)["bbox"]["AP"]).all()


def test_paired_comparison(tmp_path):
    records = [{"image_id": i + 1, "group": None} for i in range(60)]
    for name, skill in (("good", 2.0), ("same", 2.0), ("poor", 14.0)):
        truth, results = scenes(60, seed=5, skill=skill)
        write(tmp_path / name / "coco_ground_truth.json", truth)
        write(tmp_path / name / "coco_instances_results.json", results)
    comparison = compare_ap_of_folders(tmp_path / "good", tmp_path / "poor", records, resamples=200)
    assert comparison["bbox/AP"]["real"] and comparison["bbox/AP"]["difference"] < 0 and comparison["segm/AP"]["real"]
    same = compare_ap_of_folders(tmp_path / "good", tmp_path / "same", records, resamples=200)
    assert same["bbox/AP"]["difference"] == 0 and same["bbox/AP"]["real"] is False
    assert compare_ap_of_folders(tmp_path / "good", tmp_path / "nowhere", records) == {}
