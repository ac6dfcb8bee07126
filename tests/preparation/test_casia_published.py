"""The published CASIA v1, where DETECTRON2_DATASETS has it."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from tests.helpers.commands import run

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
SCRIPT = "datasets/prepare_casia.py"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """(CASIA v1's folder, the set prepared from it); it is prepared once."""
    datasets = os.environ.get("DETECTRON2_DATASETS")
    if not datasets or not Path(datasets, "casia_v1/reference_map.csv").is_file():
        pytest.skip("DETECTRON2_DATASETS has no casia_v1 with a reference_map.csv")
    root, output = Path(datasets, "casia_v1").resolve(), tmp_path_factory.mktemp("real")
    completed = run(SCRIPT, "--root", root, "--output", output, cwd=output)
    assert completed.returncode == 0, completed.stderr
    return root, output


def test_the_real_casia_v1(real):
    root, tmp_path = real
    rows = list(csv.DictReader(open(root / "reference_map.csv", newline="")))
    content = json.loads((tmp_path / "annotations/casia_v1.json").read_text())
    forged = {Path(image["file_name"]).name: image for image in content["images"] if not image["authentic"]}
    assert set(forged) == {row["tampered_file"] for row in rows}
    report = json.loads((tmp_path / "annotations/casia_v1_report.json").read_text())
    findings = {
        Path(row["file"]).name: (row["kind"], row["message"])
        for row in report["findings"]
        if "mask name" in row["kind"]
    }
    turned = {Path(row["file"]).name for row in report["findings"] if row["kind"] == "mask size"}
    methods = {
        "exact": {None},
        "xlsx": {"mask name: spreadsheet"},
        "fuzzy": {"mask name: swapped ids", "mask name: typo"},
    }
    for row in rows:
        name, image = row["tampered_file"], forged[row["tampered_file"]]
        kind, message = findings.get(name, (None, None))
        assert kind in methods[row["match"]]
        assert message is None or Path(row["mask_file"]).name in message
        assert image["technique"].replace("-", "") == row["kind"]
        assert (name in turned) == ("rotated" in row["fix"])
        expected = np.array(Image.open(root / "CASIA 1.0 groundtruth" / row["mask_file"]).convert("L")) > 127
        expected = np.rot90(expected) if row["fix"] else expected
        np.testing.assert_array_equal(read_mask(tmp_path / image["mask_file"]), expected, err_msg=name)
    (skipped,) = [row for row in report["findings"] if row["action"] == "skipped"]
    assert "sce0011" in skipped["file"] and "Au_cha_0011.jpg compressed again" in skipped["message"]
    counts = report["counts"]["techniques"]
    assert counts["authentic"] == len(list((root / "Au").iterdir()))
    assert counts["splice"] + counts["copy-move"] == len(list((root / "Sp").iterdir())) - 1


def test_masks_by_subtraction_on_the_real_casia_v1(real, tmp_path):
    root, true_set = real
    for folder in ("Au", "Sp"):  # and no ground truth
        (tmp_path / "bare").mkdir(exist_ok=True)
        (tmp_path / "bare" / folder).symlink_to(root / folder)
    completed = run(SCRIPT, "--root", "bare", "--output", "made", cwd=tmp_path)
    assert completed.returncode == 0, completed.stderr

    def load(split: Path) -> dict[str, dict]:
        return {Path(entry["file_name"]).name: entry for entry in annotation_format.load(split)}

    entries = load(tmp_path / "made/annotations/casia_v1.json")
    tested = load(true_set / "annotations/casia_v1_test.json")
    scores = {}
    for name, entry in load(true_set / "annotations/casia_v1.json").items():
        if not entry["authentic"]:
            truth = read_mask(entry["mask_file_name"])
            mask = read_mask(entries[name]["mask_file_name"]) if name in entries else np.zeros_like(truth)
            scores[name] = (truth & mask).sum() / (truth | mask).sum()
    part = [score for name, score in scores.items() if name in tested]
    all_scores = list(scores.values())
    print(f"IoU: {np.mean(part):.4f} of {len(part)} tested, {np.mean(all_scores):.4f} of {len(all_scores)}")
    # An image that gets no mask counts as 0.
    assert np.mean(part) > 0.92 and np.mean(all_scores) > 0.93
    assert np.mean([name in entries for name in scores]) > 0.99
    # The one that is no forgery is left out here, too.
    assert "Au_cha_0011.jpg compressed again" in completed.stdout
