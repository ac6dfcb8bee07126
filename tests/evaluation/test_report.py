"""The page behind an evaluation: whole, self-contained, and safe against names."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.evaluation.coco.annotations import write_coco_ground_truth
from constrained_rcnn.evaluation.map_files import map_names, write_preview
from constrained_rcnn.evaluation.metrics.records import PLAIN, image_record
from constrained_rcnn.evaluation.metrics.summary import summarise
from constrained_rcnn.evaluation.report import choose_cases, write_page
from constrained_rcnn.evaluation.results import write_results
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import running
from tests.helpers.tiny_data import write_set

VOID = {"meta", "img", "br"}
EVIL = '<img src=x onerror=alert(1)> & "quoted" \'.png'


class Page(HTMLParser):
    """Checks that elements nest, and collects what the tests ask for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag, **attributes):
        return [a for t, a in self.found if t == tag and all(a.get(k) == v for k, v in attributes.items())]


def evaluation(folder, items, warnings=()):
    """The files that an evaluation leaves, of a detector that finds half of everything and raises alarms."""
    rng = np.random.default_rng(0)
    records, results, names = [], [], map_names(items)
    for index, item in enumerate(items):
        size = item["height"], item["width"]
        score_map = rng.random(size, dtype=np.float32) * 0.6
        for annotation in item["annotations"]:
            x, y, w, h = (int(v) for v in annotation["bbox"])
            score_map[y : y + h, x : x + w // (1 + index % 3)] += 0.35
            results.append({"image_id": item["image_id"], "category_id": annotation["category_id"] + 1,
                            "bbox": annotation["bbox"], "score": 0.8})  # fmt: skip
        write_preview(folder / "previews" / f"{names[item['image_id']]}.png", score_map)
        records.append(image_record(item, score_map, float(score_map.max())))
    summary = summarise(records) | {"warnings": list(warnings)}
    write_results(folder, "tiny <set>", records, summary, PLAIN, coco={"bbox": {"AP": 0.5, "AP50": float("nan")}})
    (folder / "coco_instances_results.json").write_text(json.dumps(results))
    write_coco_ground_truth(items, ["splice", "copy-move", "removal"], folder / "coco_ground_truth.json")
    return summary, records


@pytest.fixture
def items(tmp_path):
    items = dataset_dicts(write_set(tmp_path / "data", "test", 16))
    original = Path(items[1]["file_name"])
    items[1]["file_name"] = str(original.rename(original.with_name(EVIL)))
    return items


def test_the_page_is_whole_self_contained_and_escapes_names(items, tmp_path):
    summary, records = evaluation(tmp_path / "out", items, ["image_auc is <not> to be trusted"])
    path = write_page(tmp_path / "out", items)
    text = path.read_text()
    page = Page(text)
    assert path.name == "report.html" and text.startswith("<!doctype html>")
    for tag, attributes in page.found:
        assert tag not in ("script", "link", "iframe") and not any(k.startswith("on") for k in attributes)
        for key in ("src", "href"):
            assert attributes.get(key, "data:").startswith("data:")
    assert "url(" not in text and "@import" not in text
    assert str(tmp_path) not in text  # a page that is passed on tells nobody's folders
    assert EVIL in page.text  # as text, and so no element of the page
    assert "tiny <set>" in page.text and "image_auc is <not> to be trusted" in page.text

    lower, upper = summary["intervals"]["f1_best"]
    assert f"{100 * summary['metrics']['f1_best']:.2f} [{100 * lower:.1f}, {100 * upper:.1f}]" in page.text
    for words in ("n(manipulated) = 12", "n(authentic) = 4", "bootstrap over 16", "f1_floor", "bbox", "undefined"):
        assert words in page.text, words
    assert len(page.all("svg")) == 4 and all(a["aria-label"] for a in page.all("svg"))
    assert len(page.all("circle")) == 12  # F1 against area: each manipulated image
    images = page.all("img")
    assert len(images) == 9 * 4 + 4 * 3  # best, median and worst with their truth; false alarms without
    for image in images[:4]:
        data = base64.b64decode(image["src"].split(",", 1)[1])
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None and image["alt"]
    assert "4 of 4 authentic images" in page.text
    for rule in ("prefers-color-scheme: dark", "@media print", "@media (max-width"):
        assert rule in text


def test_coordinates_stay_inside_every_plot(items, tmp_path):
    evaluation(tmp_path / "out", items)
    page = Page(write_page(tmp_path / "out", items).read_text())
    points = [tuple(map(float, p.split(","))) for a in page.all("polyline") for p in a["points"].split()]
    points += [(float(a["cx"]), float(a["cy"])) for a in page.all("circle")]
    assert len(points) > 150 and all(0 <= x <= 340 and 0 <= y <= 250 for x, y in points)


def test_cases_are_the_best_the_median_and_the_worst():
    def record(image_id, f1, **keys):
        return {"image_id": image_id, "authentic": False, "skipped": None, "pixel": {"f1_best": f1}} | keys

    records = [record(i, i / 100) for i in range(100)]
    records += [record(200, 1.0, authentic=True), record(201, 1.0, skipped="boxes only", pixel=None)]
    cases = {title: [r["image_id"] for r in image_ids] for title, image_ids in choose_cases(records).items()}
    assert cases == {"Best": [99, 98, 97], "Median": [51, 50, 49], "Worst": [0, 1, 2]}
    for number in range(6):
        image_ids = [r["image_id"] for cases in choose_cases(records[:number]).values() for r in cases]
        assert len(image_ids) == len(set(image_ids)) and len(image_ids) == number, number


def test_missing_files_leave_gaps_not_errors(items, tmp_path):
    evaluation(tmp_path / "out", items)
    for item in items:
        Path(item["file_name"]).unlink()
    for path in (tmp_path / "out" / "previews").rglob("*.png"):
        path.unlink()
    page = Page(write_page(tmp_path / "out", items).read_text())
    assert (
        "no image: " in page.text
        and str(tmp_path) not in page.text
        and not page.all("img")
        and len(page.all("svg")) == 4
    )


def test_nothing_evaluated(tmp_path):
    write_results(tmp_path, "empty", [], summarise([]), PLAIN)
    page = Page(write_page(tmp_path, []).read_text())
    assert "undefined" in page.text and "No authentic image" in page.text
    assert not re.search(r"\bnan\b", page.text)


def test_command_line(items, tmp_path, capsys):
    data = write_set(tmp_path / "data", "other", 6)
    evaluation(tmp_path / "out", dataset_dicts(data))
    arguments = ["--dataset", data, "--output", str(tmp_path / "page.html"), "--results"]
    assert running("report")([*arguments, str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "page.html") and (tmp_path / "page.html").is_file()
    assert running("report")([*arguments, str(tmp_path / "none")]) == 2
    assert "metrics.json" in capsys.readouterr().err
    with pytest.raises(UserError, match="no evaluation"):
        (tmp_path / "metrics.json").write_text("{}")
        (tmp_path / "per_image.json").write_text("[]")
        write_page(tmp_path, [])
