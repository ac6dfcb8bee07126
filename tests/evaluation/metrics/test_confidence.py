"""Bootstrap intervals and the paired comparison of two runs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from constrained_rcnn.evaluation.metrics.confidence import (
    bootstrap_interval,
    compare,
    confidence_intervals,
    draw_weights,
    group_labels,
)
from constrained_rcnn.evaluation.metrics.pixel import PIXEL_METRICS, authentic_counts, score_map_metrics
from constrained_rcnn.evaluation.metrics.records import PLAIN, MetricVariants
from constrained_rcnn.evaluation.metrics.summary import summarise
from constrained_rcnn.evaluation.metrics.weighted import WeightedMetrics
from constrained_rcnn.evaluation.table import metrics_table, without_nan
from tests.helpers.commands import running

ALL = MetricVariants(authentic_as_zero=True, paper=True)


def made_records(number=60, skill=0.3, seed=0, groups=None):
    """Records of noise maps, of which every fourth is authentic; tied scores, a skipped and a scoreless image."""
    rng = np.random.default_rng(seed)
    records = []
    for index in range(number):
        truth = np.zeros((12, 16), bool)
        truth[2:8, 3 : 6 + index % 7] = True
        score_map = np.clip(rng.random((12, 16)) * 0.7 + skill * truth, 0, 1).astype(np.float32)
        authentic, technique = index % 4 == 0, ("splice", "copy-move", "removal")[index % 3]
        pixel = authentic_counts(score_map) if authentic else score_map_metrics(score_map, truth)
        score = round(float(np.clip(rng.normal(0.6 - 0.2 * authentic, 0.2), 0, 1)), 1)
        record = {
            "image_id": index,
            "file_name": f"{index}.png",
            "group": None if groups is None else str(index // groups),
            "technique": "authentic" if authentic else technique,
            "authentic": authentic,
            "predicted": (None, "splice", "removal")[index % 3],
            "score": score,
            "pixel": pixel,
            "skipped": None,
            "detections": {
                "regions": []
                if authentic
                else [[technique, (technique, "removal", "copy-move", None)[index // 4 % 4]]],
                "false_alarms": ["splice"] if index % 8 == 0 else [],
            },
        }
        records.append(record)
    records[1] |= {"pixel": None, "skipped": "boxes only"}
    records[2] |= {"score": None}
    return records


def by_definition(records, variants):
    """Every metric as docs/evaluation.md defines it, without weights and without the package."""

    def mean(values):
        return float(np.mean(list(values))) if values else math.nan

    scored = [r for r in records if not r["authentic"] and not r["skipped"]]
    clean = [r for r in records if r["authentic"] and not r["skipped"]]
    expected = {}
    for name in PIXEL_METRICS:
        zeros = [0.0] * len(clean) if variants.authentic_as_zero and name in ("f1_best", "f1_fixed") else []
        expected[name] = mean([*(r["pixel"][name] for r in scored), *zeros])
        for technique in ("copy-move", "removal", "splice"):
            expected[f"{name}/{technique}"] = mean([r["pixel"][name] for r in scored if r["technique"] == technique])
    tp, fp, fn = (sum(r["pixel"][key] for r in records if r["pixel"]) for key in ("tp", "fp", "fn"))
    expected["f1_pooled"] = 2 * tp / (2 * tp + fp + fn)
    expected["false_alarm_area"] = mean([r["pixel"]["fp"] / (r["pixel"]["fp"] + r["pixel"]["tn"]) for r in clean])
    with_score = [r for r in records if r["score"] is not None]
    labels, scores = [not r["authentic"] for r in with_score], np.array([r["score"] for r in with_score])
    expected["image_auc"] = roc_auc_score(labels, scores)
    expected["image_f1"] = f1_score(labels, scores > 0.5)
    expected["image_bacc"] = balanced_accuracy_score(labels, scores > 0.5)
    if variants.paper:
        for name in ("f1_best", "auc"):
            means = [mean([r["pixel"][name] for r in scored if r["predicted"] == p]) for p in ("splice", "removal")]
            expected[f"paper_{name}"] = mean(means)
    pairs = [pair for r in records for pair in r["detections"]["regions"]]
    named = [name for _, name in pairs] + [name for r in records for name in r["detections"]["false_alarms"]]
    for technique in (None, "splice", "copy-move", "removal"):
        suffix = f"/{technique}" if technique else ""
        region_pairs = [pair for pair in pairs if technique in (None, pair[0])]
        hits = [truth == name for truth, name in region_pairs if name]
        expected[f"region_found{suffix}"] = mean([bool(name) for _, name in region_pairs])
        expected[f"technique_accuracy{suffix}"] = mean(hits)
        named_pairs = [name for name in named if name and technique in (None, name)]
        expected[f"technique_precision{suffix}"] = sum(hits) / len(named_pairs) if named_pairs else math.nan
    return expected


@pytest.mark.parametrize("variants", [PLAIN, ALL], ids=["plain", "variants"])
def test_equal_weights_give_every_metric_by_its_definition(variants):
    records = made_records()
    expected = by_definition(records, variants)
    computed = WeightedMetrics(records, variants)(np.ones((1, len(records))))
    assert set(computed) == set(expected) and len(expected) > 35
    values = {name: float(value[0]) for name, value in computed.items()}
    assert values == pytest.approx(expected, nan_ok=True)
    assert without_nan(summarise(records, variants)["metrics"]) == without_nan(values)


def test_a_weight_is_a_number_of_copies():
    records = made_records(24)
    weights = np.random.default_rng(1).integers(0, 4, len(records))
    copies = [record for record, weight in zip(records, weights) for _ in range(weight)]
    computed = WeightedMetrics(records, ALL)(weights[None].astype(float))
    for name, value in summarise(copies, ALL)["metrics"].items():
        assert float(computed[name][0]) == pytest.approx(value, nan_ok=True), name


def test_an_interval_surrounds_its_metric_and_narrows_with_more_images():
    small, large = (summarise(made_records(number)) for number in (40, 400))
    for summary in (small, large):
        for name, value in summary["metrics"].items():
            lower, upper = summary["intervals"][name]
            assert lower <= value <= upper, name
    for name in ("f1_best", "auc", "f1_pooled", "image_auc"):
        widths = [np.diff(summary["intervals"][name])[0] for summary in (small, large)]
        assert 0 < widths[1] < 0.6 * widths[0], name  # a tenth of the spread squared: about 0.32
    assert small["bootstrap"]["over"] == "images" and small["bootstrap"]["n_groups"] == 40
    assert "[" in metrics_table(small) and "40 images" in metrics_table(small)


def test_the_same_seed_gives_the_same_interval_and_groups_are_drawn_whole():
    records = made_records(groups=5)
    once, repeated = confidence_intervals(records), confidence_intervals(records)
    assert json.dumps(without_nan(once)) == json.dumps(without_nan(repeated))
    assert once["bootstrap"]["over"] == "source groups" and once["bootstrap"]["n_groups"] == 12
    labels = group_labels(records)
    for weights in draw_weights(labels, 150, seed=3):
        assert (weights.sum(axis=1) == len(records)).all()  # groups of equal size
        assert all((weights[:, labels == g] == weights[:, [5 * g]]).all() for g in range(12))
    mixed = made_records(4, groups=2)
    mixed[0]["group"] = None
    assert group_labels(mixed).tolist() == [0, 1, 2, 2]


def test_one_group_shows_no_spread():
    intervals = confidence_intervals(made_records(8, groups=8))["intervals"]
    assert all(math.isnan(bound) for pair in intervals.values() for bound in pair)
    one_forgery = made_records(60)
    for record in one_forgery:
        record["skipped"] = record["skipped"] if record["authentic"] or record["image_id"] == 5 else "left out"
    intervals = confidence_intervals(one_forgery)["intervals"]
    assert math.isnan(intervals["f1_best"][0]) and not math.isnan(intervals["false_alarm_area"][0])


def test_one_authentic_image_shows_no_spread_of_what_it_is_compared_with():
    """It is in every draw, and whichever manipulated images are drawn, it may be above or below them all."""
    records = [r for r in made_records(60) if not r["authentic"] or r["image_id"] == 4]
    intervals = confidence_intervals(records)["intervals"]
    for name, defined in {"image_auc": False, "image_bacc": False, "image_f1": True, "f1_best": True}.items():
        assert math.isnan(intervals[name][0]) is not defined, name


def test_bootstrap_interval():
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    lower, upper = bootstrap_interval(values)
    error = 1.96 * values.std() / 20  # the interval of the normal approximation
    assert lower == pytest.approx(values.mean() - error, abs=0.2 * error)
    assert upper == pytest.approx(values.mean() + error, abs=0.2 * error)
    assert bootstrap_interval(values) == (lower, upper)
    # Four copies of each image are no more evidence than one, if they are known to be of one source.
    copies, sources = np.repeat(values, 4), np.repeat(np.arange(400), 4)
    wide, narrow = (np.diff(bootstrap_interval(copies, groups))[0] for groups in (sources, None))
    assert wide == pytest.approx(upper - lower, rel=0.15) and narrow == pytest.approx(wide / 2, rel=0.2)
    assert all(math.isnan(bound) for bound in bootstrap_interval([0.5, float("nan")]))


def test_pairing_shows_what_two_separate_intervals_hide():
    """B is better on every single image by a little: images differ by far more than the runs do."""
    first = made_records(80)
    second = json.loads(json.dumps(without_nan(first)))
    for record in second:
        if not record["authentic"] and record["pixel"]:
            record["pixel"]["f1_best"] += 0.01
    result = compare(first, second)
    entry = result["f1_best"]
    assert entry["difference"] == pytest.approx(0.01) and entry["interval"] == pytest.approx((0.01, 0.01))
    assert entry["real"] is True and result["auc"]["real"] is False and result["auc"]["difference"] == 0
    lower, upper = confidence_intervals(first)["intervals"]["f1_best"]
    assert upper - lower > 0.02
    with pytest.raises(ValueError, match="same images"):
        compare(first, second[::-1])


def test_two_runs_of_the_same_skill_are_not_told_apart_and_others_are():
    first, equal, better = (made_records(120, skill, seed) for skill, seed in ((0.2, 1), (0.2, 2), (0.3, 3)))
    assert compare(first, equal)["auc"]["real"] is False
    assert compare(first, better)["auc"]["real"] is True and compare(better, first)["auc"]["difference"] < 0


def write_run(folder, records, variants=PLAIN):
    folder.mkdir()
    (folder / "per_image.json").write_text(json.dumps(without_nan(records)))
    (folder / "metrics.json").write_text(json.dumps({"variants": asdict(variants)}))
    return str(folder / "per_image.json")


def test_command_line(tmp_path, capsys):
    main = running("compare-runs")
    a = write_run(tmp_path / "a", made_records(skill=0.1))
    b = write_run(tmp_path / "b", made_records(skill=0.4)[:-1])
    assert main([a, b, "--output", str(tmp_path / "difference.json")]) == 0
    out = capsys.readouterr().out
    assert "B is higher" in out and "59 images" in out and "1 records without a partner" in out
    assert json.loads((tmp_path / "difference.json").read_text())["auc"]["real"] is True
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0  # folders of evaluations do as well
    assert "59 images" in capsys.readouterr().out

    inverted = write_run(tmp_path / "c", made_records(), MetricVariants(invert="max"))
    (tmp_path / "d.json").write_text('{"metrics": {}}')
    other = made_records()
    other[0]["file_name"] = "another.png"
    renamed = write_run(tmp_path / "e", other)
    for second, words in (
        (inverted, "variants"), (str(tmp_path / "none.json"), "none.json"), (str(tmp_path / "d.json"), "per_image"),
        (renamed, "another.png"), (write_run(tmp_path / "f", []), "in common"),
    ):  # fmt: skip
        assert main([a, second]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and words in error and error.count("\n") == 1
