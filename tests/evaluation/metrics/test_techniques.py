"""Regions beside detections, worked by hand: found, missed, named, false alarms; the rates and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_score, recall_score
from sklearn.metrics import confusion_matrix as reference_matrix

from constrained_rcnn.data.techniques import TAMPERED, TECHNIQUES, UNCERTAIN
from constrained_rcnn.evaluation.metrics.confidence import compare
from constrained_rcnn.evaluation.metrics.summary import summarise
from constrained_rcnn.evaluation.metrics.techniques import (
    FALSE_ALARMS,
    MISSED,
    TECHNIQUE_METRICS,
    Detections,
    confusion_matrix,
    match_regions,
    technique_ratios,
)
from constrained_rcnn.evaluation.table import comparison_text, metrics_table, technique_tables

SPLICE, COPY_MOVE, REMOVAL = range(3)
#: Two regions of 10x10 pixels and a place beside them, as corners.
HERE, THERE, ELSEWHERE = (0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60)


def image(*regions, **keys):
    """A dataset dict with (category, corners) of its regions."""
    annotations = [
        {"category_id": category, "bbox": list(box), "bbox_mode": 0, "iscrowd": 0} for category, box in regions
    ]
    return {"annotations": annotations, "technique": "splice", **keys}


def shown(*detections, classes=TECHNIQUES):
    """Detections from (name, score, corners)."""
    names, scores, boxes = zip(*detections) if detections else ((), (), ())
    return Detections(names, scores, boxes, classes)


def match(item, *detections, score=1.0, classes=TECHNIQUES):
    matches = match_regions(item, shown(*detections, classes=classes), score)
    return matches["regions"], matches["false_alarms"]


def test_each_region_is_named_by_the_best_detection_on_it():
    item = image((SPLICE, HERE), (REMOVAL, THERE))
    assert match(item) == ([["splice", None], ["removal", None]], [])
    regions, alarms = match(
        item, ("splice", 0.7, HERE), ("copy-move", 0.9, HERE), ("removal", 0.6, THERE), ("removal", 0.8, ELSEWHERE)
    )
    assert regions == [["splice", "copy-move"], ["removal", "removal"]] and alarms == ["removal"]


def test_a_detection_counts_from_half_the_overlap_on():
    item = image((SPLICE, HERE))
    half, less = (0, 0, 10, 5), (0, 0, 10, 4.9)  # inside of the region: IoU 0.5 and 0.49
    assert match(item, ("splice", 0.9, half)) == ([["splice", "splice"]], [])
    assert match(item, ("splice", 0.9, less)) == ([["splice", None]], ["splice"])
    assert match(item, ("splice", 0.9, (0, 0, 100, 100)))[0] == [["splice", None]]  # the whole image finds nothing


def test_what_no_user_is_shown_does_not_count():
    item = image((SPLICE, HERE))
    for score, image_score in ((0.5, 1.0), (0.9, 0.5), (0.9, 0.0)):
        assert match(item, ("splice", score, HERE), score=image_score) == ([["splice", None]], [])
    assert match(item, ("splice", 0.51, HERE), score=None)[0] == [["splice", "splice"]]  # no image score: its own


def test_boxes_are_read_as_detectron2_has_them():
    item = image((SPLICE, HERE))
    item["annotations"][0] |= {"bbox": [20, 0, 10, 10], "bbox_mode": 1}
    assert match(item, ("splice", 0.9, THERE))[0] == [["splice", "splice"]]
    assert match(image((SPLICE, (5, 5, 5, 5))), ("splice", 0.9, (5, 5, 5, 5))) == ([["splice", None]], ["splice"])


def test_a_crowd_is_neither_region_nor_false_alarm():
    item = image((SPLICE, HERE))
    item["annotations"][0]["iscrowd"] = 1
    assert match(item, ("splice", 0.9, HERE)) == ([], [])


def test_regions_of_unnamed_categories_are_of_their_images_technique():
    for technique, expected in (("removal", "removal"), ("mixed", TAMPERED), (None, TAMPERED)):
        item = image((0, HERE), technique=technique)
        assert match(item, classes=(TAMPERED,))[0] == [[expected, None]]
    assert match(image((2, HERE), technique="removal"), classes=(TAMPERED,))[0] == [["removal", None]]  # not merged


def record(regions=(), alarms=(), *, authentic=False, group=None, image_id=0):
    """A record without a map."""
    detections = {"regions": [list(pair) for pair in regions], "false_alarms": list(alarms)}
    return {
        "image_id": image_id, "file_name": "a.png", "group": group, "authentic": authentic, "predicted": None,
        "technique": "authentic" if authentic else "splice", "score": None, "pixel": None, "skipped": "no map",
        "detections": detections,
    }  # fmt: skip


#: Four splices: named rightly, rightly, as a removal, missed. Two copy-moves: unnamed, rightly. No removal.
RECORDS = [
    record([("splice", "splice"), ("splice", "removal")], ["splice"]),
    record([("splice", "splice"), ("copy-move", UNCERTAIN)]),
    record([("splice", None), ("copy-move", "copy-move")]),
    record((), ["splice", UNCERTAIN], authentic=True),
    record((), (), authentic=True),
]


def test_matrix_and_rates_by_hand():
    summary = summarise(RECORDS)
    matrix, metrics = summary["techniques"], summary["metrics"]
    assert matrix["rows"] == [*TECHNIQUES, *FALSE_ALARMS.values()] and matrix["columns"] == [
        *TECHNIQUES,
        UNCERTAIN,
        MISSED,
    ]
    assert matrix["counts"] == [
        [2, 0, 1, 0, 1],
        [0, 1, 0, 1, 0],
        [0, 0, 0, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 0, 0, 0, 0],
    ]
    assert (matrix["n_images"], matrix["n_authentic"]) == (5, 2)
    expected = {
        "region_found": 5 / 6, "region_found/splice": 3 / 4, "region_found/copy-move": 1, "region_found/removal": None,
        "technique_accuracy": 3 / 5, "technique_accuracy/splice": 2 / 3, "technique_accuracy/copy-move": 1 / 2,
        "technique_accuracy/removal": None,
        "technique_precision": 3 / 6, "technique_precision/splice": 2 / 4, "technique_precision/copy-move": 1,
        "technique_precision/removal": 0,
    }  # fmt: skip
    for name, value in expected.items():
        assert math.isnan(metrics[name]) if value is None else metrics[name] == pytest.approx(value), name


def test_a_detector_that_knows_no_technique_has_no_accuracy():
    records = [record([("splice", TAMPERED), ("removal", None)], [TAMPERED]), record([("splice", TAMPERED)])]
    summary = summarise(records)
    assert summary["metrics"]["region_found"] == pytest.approx(2 / 3)
    assert math.isnan(summary["metrics"]["technique_accuracy"]) and math.isnan(
        summary["metrics"]["technique_precision"]
    )
    assert summary["techniques"]["counts"][0] == [0, 0, 0, 2, 0]  # "manipulated region"


def test_a_detector_that_never_dares_to_name_one_is_never_right():
    metrics = summarise([record([("splice", UNCERTAIN)])])["metrics"]
    assert metrics["technique_accuracy"] == 0 and math.isnan(metrics["technique_precision"])


def test_regions_of_unknown_technique_are_found_and_neither_right_nor_wrong():
    summary = summarise([record([(TAMPERED, "splice"), (TAMPERED, None), ("splice", "splice")])])
    assert summary["techniques"]["rows"][3] == TAMPERED and summary["techniques"]["counts"][3] == [1, 0, 0, 0, 1]
    assert summary["metrics"]["region_found"] == pytest.approx(2 / 3)
    assert summary["metrics"]["technique_accuracy"] == summary["metrics"]["technique_precision"] == 1


def test_where_no_detections_are_known_nothing_is_said_but_that():
    records = [r | {"detections": None} for r in RECORDS]
    summary = summarise(records)
    assert summary["techniques"] is None and technique_tables(summary) == []
    assert not any(name.startswith(TECHNIQUE_METRICS) for name in summary["metrics"])
    assert "techniques: not measured" in metrics_table(summary)
    older = [{key: value for key, value in r.items() if key != "detections"} for r in RECORDS]
    assert technique_ratios(older) == {} and confusion_matrix(older) is None
    partly = summarise([*RECORDS, record() | {"detections": None}])
    assert partly["techniques"]["n_images"] == 5 and partly["metrics"]["technique_accuracy"] == pytest.approx(3 / 5)


def made(number, skill, seed):
    """One region an image, always found, and named rightly at that rate; groups of two images."""
    rng = np.random.default_rng(seed)
    records = []
    for index in range(number):
        truth = TECHNIQUES[index % 3]
        named = truth if rng.random() < skill else TECHNIQUES[int(rng.integers(3))]
        records.append(record([(truth, named)], group=str(index // 2), image_id=index))
    return records


def test_of_found_regions_the_rates_are_scikit_learns():
    records = made(90, 0.5, 0)
    truth, named = zip(*(r["detections"]["regions"][0] for r in records))
    summary = summarise(records)
    metrics = summary["metrics"]
    assert metrics["technique_accuracy"] == pytest.approx(accuracy_score(truth, named))
    for measure, name in ((recall_score, "technique_accuracy"), (precision_score, "technique_precision")):
        values = measure(truth, named, labels=TECHNIQUES, average=None)
        assert [metrics[f"{name}/{t}"] for t in TECHNIQUES] == pytest.approx(values)
    counts = np.array(summary["techniques"]["counts"])[:3, :3]
    assert np.array_equal(counts, reference_matrix(truth, named, labels=TECHNIQUES))


def test_intervals_are_over_source_groups_and_runs_are_compared_on_the_same_draws():
    poor, good = made(120, 0.3, 1), made(120, 0.9, 2)
    summary = summarise(poor)
    assert summary["bootstrap"]["over"] == "source groups" and summary["bootstrap"]["n_groups"] == 60
    for name in ("technique_accuracy", "technique_accuracy/splice", "technique_precision/removal"):
        lower, upper = summary["intervals"][name]
        assert lower < summary["metrics"][name] < upper
    comparison = compare(poor, good)
    assert comparison["technique_accuracy"]["real"] is True and comparison["region_found"]["difference"] == 0
    assert "technique_accuracy/splice" in comparison_text(comparison)
    intervals = summarise([r | {"group": "one"} for r in poor])["intervals"]
    assert all(math.isnan(bound) for bound in intervals["technique_accuracy"])  # one source shows no spread


def test_tables():
    summary = summarise(RECORDS)
    (title, counts), (_, rates) = technique_tables(summary)
    assert "5 images, 2 authentic" in title and "0.5" in title
    assert counts[0] == ["ground truth, named as", *TECHNIQUES, UNCERTAIN, MISSED, "all"]
    assert counts[1] == ["splice", "2", "0", "1", "0", "1", "4"]
    assert counts[4] == [FALSE_ALARMS[True], "1", "0", "0", "1", "", "2"]
    assert [row[0] for row in rates[1:]] == ["all", *TECHNIQUES] and rates[1][3] == "60.00" and rates[4][1] == "nan"
    assert all(len(row) == len(counts[0]) for row in counts) and all(len(row) == 7 for row in rates)
    text = metrics_table(summary)
    assert "manipulated region" in text and "technique_precision" in text
