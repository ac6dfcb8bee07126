"""The two pages that people open, in a real browser."""

import json
import os

import numpy as np
from PIL import Image

from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.evaluation.report import write_page
from constrained_rcnn.evaluation.robustness_page import METRICS, robustness_page
from tests.apps.detect.test_run import CONFIG
from tests.evaluation.test_report import EVIL, evaluation
from tests.helpers.browser import check_page, look, needs_chromium
from tests.helpers.detect_files import save
from tests.helpers.tiny_data import write_set

pytestmark = needs_chromium


def test_the_evaluations_page(tmp_path):
    path = write_set(tmp_path / "set", "test", 12)
    content = json.loads(open(path).read())
    image = content["images"][1]
    os.rename(tmp_path / "set" / image["file_name"], tmp_path / "set" / EVIL)
    image["file_name"] = EVIL
    with open(path, "w") as file:
        json.dump(content, file)
    items = dataset_dicts(path)
    evaluation(tmp_path / "out", items, ["a <b>warning</b>"])
    check_page(write_page(tmp_path / "out", items), tmp_path, images=12)


def test_the_demos_page(options, tmp_path):
    for seed, name in enumerate(("a.png", "<img src=x onerror=alert(1)>.png", "x" * 120 + ".png")):
        save(tmp_path / "in" / f"{seed}.png", seed=seed)
        os.rename(tmp_path / "in" / f"{seed}.png", tmp_path / "in" / name)
    (tmp_path / "in" / f"{'broken' * 30}.png").write_bytes(b"<script>alert(1)</script>")
    run(CONFIG, [str(tmp_path / "in")], str(tmp_path / "out"), options)
    check_page(tmp_path / "out" / "results.html", tmp_path, images=3)


def test_the_robustness_page(tmp_path):
    summary = {
        "metrics": {name: 0.25 * place for place, name in enumerate(METRICS)} | {"image_auc": float("nan")},
        "intervals": {name: [0.1, 0.9] for name in METRICS} | {"image_auc": [float("nan")] * 2},
        "counts": {"n_manipulated": 3, "n_authentic": 2},
    }
    names = ("clean", "jpeg-90", "jpeg-50", "blur-3", EVIL)
    page = tmp_path / "robustness.html"
    page.write_text(robustness_page(dict.fromkeys(names, summary), EVIL), encoding="utf-8")
    check_page(page, tmp_path, images=0)


def test_the_checks_can_fail(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><html><head><title>bad</title></head><body><h1>x</h1><h2>y</h2><img src=a.png alt=a>"
        "<img src=gone.png>"
        "<div style='width:3000px'>wide</div><script>alert(1)</script>"
        "<script src=http://127.0.0.1:9/x.js></script><script>gone()</script></body></html>"
    )
    found = look(page, tmp_path)
    assert sorted(found["images"]) == [0, 8] and found["unnamed"] == 1 and found["alerted"]
    assert found["outside"] == ["http://127.0.0.1:9/x.js"] and "gone is not defined" in found["console"][-1]
    assert found["scroll"] > found["width"] == 1280
