"""From images to the numbers of a table: counting, undefined values, variants, intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from constrained_rcnn.evaluation.metrics import records as records_module
from constrained_rcnn.evaluation.metrics.image import image_level_metrics
from constrained_rcnn.evaluation.metrics.records import MetricVariants, image_record, uncertain_border, unique_records
from constrained_rcnn.evaluation.metrics.summary import summarise
from constrained_rcnn.evaluation.metrics.weighted import WeightedMetrics
from constrained_rcnn.evaluation.table import metrics_table, without_nan
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.files import write_png_atomic

TRUTH = np.zeros((4, 5), bool)
TRUTH[:2, :2] = True


@pytest.fixture
def image(tmp_path):
    """Makes dataset dicts of 4x5 images."""

    def make(image_id=1, technique="splice", truth=TRUTH, **keys):
        mask = None
        if truth is not None:
            mask = str(tmp_path / f"{image_id}.png")
            write_png_atomic(mask, truth)
        authentic = technique == "authentic"
        item = {"file_name": f"{image_id}.jpg", "image_id": image_id, "height": 4, "width": 5}
        return item | {"mask_file_name": mask, "authentic": authentic, "technique": technique} | keys

    return make


def test_means_are_over_manipulated_images_and_by_technique(image):
    perfect, empty = TRUTH.astype(np.float32), np.zeros((4, 5), np.float32)
    half = perfect.copy()
    half[0, :2] = 0  # two of four found, nothing wrong: F1 = 2/3 at 0.5
    alarm = empty.copy()
    alarm[0, 0] = 1  # 1 of 20 pixels
    summary = summarise(
        [
            image_record(image(1), perfect, 0.9),
            image_record(image(2), half, 0.4),
            image_record(image(3, "removal"), empty, 0.2),
            image_record(image(4, "authentic", None), alarm, 0.6),
            image_record(image(5, "authentic", None), empty, 0.1),
        ]
    )
    metrics, counts = summary["metrics"], summary["counts"]
    assert metrics["f1_fixed"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert metrics["f1_fixed/splice"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["f1_fixed/removal"] == 0 and metrics["auc/removal"] == 0.5
    assert metrics["f1_floor"] == pytest.approx(2 * 0.2 / 1.2)
    assert metrics["f1_pooled"] == pytest.approx(2 * 6 / (2 * 6 + 1 + 6))  # TP 4 + 2, FP 1, FN 2 + 4
    assert metrics["false_alarm_area"] == pytest.approx(0.05 / 2)
    assert metrics["image_f1"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 2))
    assert metrics["image_bacc"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert metrics["image_auc"] == pytest.approx(4 / 6)
    assert counts["n_manipulated"] == 3 and counts["n_authentic"] == 2 and counts["n_manipulated/splice"] == 2
    assert summary["skipped"] == {}


def test_every_kind_of_skip_is_counted_and_stays_undefined(image, tmp_path):
    score_map = np.full((4, 5), 0.7, np.float32)
    wrong_size = str(tmp_path / "small.png")
    write_png_atomic(wrong_size, np.ones((2, 2), bool))
    summary = summarise(
        [
            image_record(image(1, truth=None), score_map, 0.7),
            image_record(image(2, truth=np.zeros((4, 5), bool)), score_map, 0.7),
            image_record(image(3, truth=np.ones((4, 5), bool)), score_map, 0.7),
            image_record(image(4, mask_file_name=wrong_size), score_map, 0.7),
            image_record(image(5, mask_file_name=str(tmp_path / "none.png")), score_map, 0.7),
            image_record(image(6), None, None),
        ]
    )
    reasons = ("NO_MASK", "EMPTY_MASK", "FULL_MASK", "UNREADABLE_MASK", "NO_MAP")
    assert summary["skipped"] == dict(zip((getattr(records_module, r) for r in reasons), (1, 1, 1, 2, 1)))
    assert summary["counts"]["n_manipulated"] == 0 and summary["counts"]["n_image_level"] == 5
    undefined = {name for name, value in summary["metrics"].items() if math.isnan(value)}
    assert {"f1_best", "auc", "f1_best/splice", "false_alarm_area", "image_auc", "image_bacc"} <= undefined
    text = metrics_table(summary)
    assert (
        "n(manipulated) = 0" in text and "n(skipped) = 6" in text and records_module.NO_MASK in text and "nan" in text
    )


def test_nothing_at_all_is_undefined_not_a_crash():
    summary = summarise([])
    assert all(math.isnan(value) for value in summary["metrics"].values())
    assert "n(manipulated) = 0" in metrics_table(summary)


@pytest.mark.parametrize(
    "score_map, score, words",
    [
        (np.full((4, 5), np.nan, np.float32), 0.5, "NaN"),
        (np.zeros((5, 4), np.float32), 0.5, "4x5, the image 5x4"),
        (np.zeros((4, 5), np.float32), float("nan"), "score nan"),
        (np.zeros((4, 5), np.float32), 1.5, "score 1.5"),
    ],
)
def test_a_map_that_cannot_be_scored_names_its_image(image, score_map, score, words):
    with pytest.raises(UserError) as error:
        image_record(image(7), score_map, score)
    assert "7.jpg" in str(error.value) and words in str(error.value)


def test_images_are_counted_once(image):
    score_map = TRUTH.astype(np.float32)
    records = [image_record(image(i), score_map, 1.0) for i in (10, 2, 10, 2, 1)]
    assert [record["image_id"] for record in unique_records(records)] == [1, 2, 10]


def test_authentic_as_zero(image):
    score_map = TRUTH.astype(np.float32)
    records = [image_record(image(1), score_map, 1.0), image_record(image(2, "authentic", None), score_map * 0, 0.0)]
    assert summarise(records)["metrics"]["f1_best"] == 1
    counted = summarise(records, MetricVariants(authentic_as_zero=True))["metrics"]
    assert counted["f1_best"] == counted["f1_fixed"] == 0.5
    assert counted["auc"] == 1 and counted["f1_best/splice"] == 1


def test_paper_variant_averages_by_predicted_class():
    def record(predicted, value, authentic=False):
        return {
            "predicted": predicted,
            "authentic": authentic,
            "technique": "splice",
            "score": None,
            "skipped": None,
            "pixel": dict.fromkeys(("f1_best", "f1_fixed", "iou_fixed", "mcc_fixed", "auc", "f1_floor"), value),
        }

    records = [
        record("splice", 1.0),
        record("splice", 0.5),
        record("removal", 0.25),
        record(None, 0.9),
        record("removal", 0.0, authentic=True),
    ]
    variants = MetricVariants(paper=True)
    assert WeightedMetrics(records, variants).values()["paper_f1_best"] == pytest.approx((0.75 + 0.25) / 2)
    assert math.isnan(WeightedMetrics(records[3:], variants).values()["paper_auc"])
    assert math.isnan(WeightedMetrics(records[3:4], variants).values()["paper_auc"])  # nothing predicted anywhere


def test_border_of_the_truth_is_ignored(image, tmp_path):
    truth = np.zeros((60, 60), bool)
    truth[20:40, 20:40] = True
    border = uncertain_border(truth)
    inner, outer = np.zeros_like(truth), np.zeros_like(truth)
    inner[27:33, 27:33] = True  # 15x15 takes 7 pixels from each side
    outer[15:45, 15:45] = True  # 11x11 adds 5
    assert np.array_equal(border, outer & ~inner)
    full = np.ones((60, 60), bool)
    assert not uncertain_border(full).any()  # the image's own border does not erode

    mask = tmp_path / "60.png"
    write_png_atomic(mask, truth)
    item = image(1, truth=None, height=60, width=60, mask_file_name=str(mask))
    sloppy = outer.astype(np.float32)  # too large by 5 pixels everywhere: right, where the border is ignored
    assert image_record(item, sloppy, 1.0)["pixel"]["f1_best"] < 0.7
    variants = MetricVariants(gt_border_ignore=True)
    assert image_record(item, sloppy, 1.0, variants)["pixel"]["f1_best"] == 1

    thin = np.zeros((60, 60), bool)
    thin[30, 10:50] = True
    write_png_atomic(mask, thin)
    assert image_record(item, sloppy, 1.0, variants)["skipped"] == records_module.NO_CERTAIN_PIXELS


def test_image_level_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(5)
    labels = rng.random(200) < 0.4
    scores = np.round(np.clip(rng.random(200) * 0.8 + 0.2 * labels, 0, 1), 1)  # tied, with many exactly at 0.5
    values = image_level_metrics(scores, labels, np.ones((2, 200)))
    metrics = {name: first for name, (first, second) in values.items() if first == second}
    assert metrics["image_auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert metrics["image_f1"] == pytest.approx(f1_score(labels, scores > 0.5))
    assert metrics["image_bacc"] == pytest.approx(balanced_accuracy_score(labels, scores > 0.5))
    with pytest.raises(ValueError):
        image_level_metrics(np.array([np.nan]), np.array([True]), np.ones((1, 1)))
    weights = rng.integers(0, 4, 200)  # a weight is a sample weight
    weighted = image_level_metrics(scores, labels, weights[None].astype(float))
    assert weighted["image_auc"][0] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    assert weighted["image_f1"][0] == pytest.approx(f1_score(labels, scores > 0.5, sample_weight=weights))
    expected = balanced_accuracy_score(labels, scores > 0.5, sample_weight=weights)
    assert weighted["image_bacc"][0] == pytest.approx(expected)


def test_json_has_null_for_nan():
    assert without_nan({"a": [float("nan"), 1.0], "b": {"c": np.nan}}) == {"a": [None, 1.0], "b": {"c": None}}
