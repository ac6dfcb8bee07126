"""COVERAGE, Columbia, NIST16, the synthetic set and CASIA v2 in miniature, each through its real command."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.preparation import published
from tests.helpers.commands import calling, run
from tests.helpers.source_trees import (
    CASIA_V2,
    make_casia_v2,
    make_coco_synthetic,
    make_columbia,
    make_coverage,
    make_nist16,
)


def prepare(name: str, datasets: Path, *arguments, script: str | None = None):
    """Runs the command with the set's default root; (dicts by relative name, findings, printed text)."""
    script = f"datasets/prepare_{script or name}.py"
    completed = run(script, *arguments, cwd=datasets, DETECTRON2_DATASETS=str(datasets))
    assert completed.returncode == 0, completed.stderr
    report = json.loads((datasets / name / f"annotations/{name}_report.json").read_text())
    return load(datasets, name), report["findings"], completed.stdout


def load(datasets: Path, name: str, part: str = "") -> dict[str, dict]:
    root = datasets / name
    entries = annotation_format.load(root / f"annotations/{name}{part}.json")
    return {Path(entry["file_name"]).relative_to(root).as_posix(): entry for entry in entries}


def mask_of(entry: dict) -> np.ndarray:
    return read_mask(entry["mask_file_name"], (entry["height"], entry["width"]))


def split(datasets: Path, name: str) -> tuple[dict, dict]:
    """Train and test, which share no group and leave nothing out."""
    train, test = load(datasets, name, "_train"), load(datasets, name, "_test")
    assert not {e["group"] for e in train.values()} & {e["group"] for e in test.values()}
    assert train.keys() | test.keys() == load(datasets, name).keys()
    return train, test


def test_coverage(tmp_path):
    masks = make_coverage(tmp_path / "coverage")
    entries, findings, output = prepare("coverage", tmp_path)
    assert {name for name, entry in entries.items() if not entry["authentic"]} == set(masks)
    for name, mask in masks.items():
        assert entries[name]["technique"] == "copy-move"
        np.testing.assert_array_equal(mask_of(entries[name]), mask)
        assert entries[name]["group"] == entries[name.replace("t.tif", ".tif")]["group"]
    by_file = {row["file"]: row for row in findings}
    assert by_file["image/3t.tif"]["action"] == "repaired" and "scaled down by 2" in by_file["image/3t.tif"]["message"]
    assert by_file["image/5t.tif"]["action"] == "skipped" and "60x39" in by_file["image/5t.tif"]["message"]
    # A quarter of 24 pairs, one of each factor; pair 5's forgery is out, and 4 of its factor are 3.
    train, test = split(tmp_path, "coverage")
    factors = Counter((int(Path(name).stem[:-1]) - 1) % 6 for name, entry in test.items() if not entry["authentic"])
    assert factors == dict.fromkeys(range(6), 1)
    assert "copy-move, scaling: 3 train, 1 test (asked 1.0, difference +0.0)" in output
    assert len(load(tmp_path, "coverage", "_authentic")) == 24


def test_coverage_without_labels_is_prepared_and_says_so(tmp_path):
    make_coverage(tmp_path / "coverage", pairs=4)
    (tmp_path / "coverage/label/TFlabel.mat").write_bytes(b"not a MATLAB file")
    _, findings, output = prepare("coverage", tmp_path)
    assert any(row["kind"] == "no labels" and "not a MATLAB file" in row["message"] for row in findings)
    assert "copy-move: 3 train, 1 test" in output


def test_columbia(tmp_path):
    masks = make_columbia(tmp_path / "columbia")
    entries, findings, _ = prepare("columbia", tmp_path)
    assert findings == []
    for name, mask in masks.items():
        prepared_mask = mask_of(entries[name])
        assert (prepared_mask & mask).sum() / (prepared_mask | mask).sum() > 0.98
        assert len(entries[name]["annotations"]) == 1 and entries[name]["technique"] == "splice"
    assert load(tmp_path, "columbia", "_test").keys() == entries.keys()
    assert len(load(tmp_path, "columbia", "_authentic")) == 2 == len(entries) - len(masks)
    assert not (tmp_path / "columbia/annotations/columbia_train.json").exists()


def test_columbia_masks_that_mark_nothing_are_listed(tmp_path):
    masks = make_columbia(tmp_path / "columbia")
    first, second, _ = sorted((tmp_path / "columbia/4cam_splc/edgemask").iterdir())
    first.write_bytes(b"")
    second.rename(second.with_name("other_edgemask.jpg"))
    entries, findings, _ = prepare("columbia", tmp_path)
    assert len(masks.keys() & entries.keys()) == 1
    assert Counter(row["kind"] for row in findings) == {
        "no ground truth": 1,
        "no mask": 1,
        "mask without image": 1,
    }


def test_nist16(tmp_path):
    truth = make_nist16(tmp_path / "nist16")
    entries, findings, output = prepare("nist16", tmp_path)
    assert findings == []
    assert {name for name, entry in entries.items() if not entry["authentic"]} == set(truth)
    for name, (technique, mask) in truth.items():
        assert entries[name]["technique"] == technique
        np.testing.assert_array_equal(mask_of(entries[name]), mask)
    # Groups: three or four probes per base, two bases share a donor.
    groups = Counter(entry["group"] for entry in entries.values())
    assert len(groups) == 6 and set(groups.values()) == {7}
    _, test = split(tmp_path, "nist16")
    assert Counter(entry["technique"] for entry in test.values())["removal"] == 4  # 160 of 564 of 12: 3.4; pairs
    assert "removal: 8 train, 4 test (asked 3.4, difference +0.6)" in output
    content = json.loads((tmp_path / "nist16/annotations/nist16.json").read_text())
    assert [category["name"] for category in content["categories"]] == ["splice", "copy-move", "removal"]


def test_nist16_rows_that_cannot_be_used_are_listed(tmp_path):
    root = tmp_path / "nist16"
    truth = make_nist16(root, bases=4)
    path = root / "reference/manipulation/NC2016-manipulation-ref.csv"
    head, *rows = [line.split("|") for line in path.read_text().splitlines()]
    column = {name: number for number, name in enumerate(head)}
    rows[0][column["IsManipulationTypeSplice"]] = "N"
    rows[1][column["ProbeMaskFileName"]] = ""
    rows[2][column["IsManipulationTypeSplice"]] = "Y"
    (root / rows[4][column["ProbeFileName"]]).unlink()
    (root / rows[5][column["ProbeMaskFileName"]]).unlink()
    path.write_text("\n".join("|".join(row) for row in [head, *rows, rows[6]]))
    entries, findings, _ = prepare("nist16", tmp_path)
    listed = {(row["kind"], row["file"]) for row in findings}
    names = [row[column["ProbeFileName"]] for row in rows]
    kinds = (
        "no technique",
        "no mask",
        "several techniques",
        None,
        "unreadable",
        "no ground truth",
        "listed twice",
    )
    assert listed == {(kind, name) for kind, name in zip(kinds, names, strict=False) if kind}
    assert len(truth.keys() & entries.keys()) == len(truth) - 4
    path.write_text(path.read_text().replace("|", ","))
    completed = run("datasets/prepare_nist16.py", "--root", root, cwd=tmp_path)
    assert completed.returncode == 2 and "no column probefilename" in completed.stderr


def test_nist16_inverted_masks_are_noticed(tmp_path):
    truth = make_nist16(tmp_path / "nist16", bases=2)
    from PIL import Image, ImageOps

    mask = tmp_path / "nist16/reference/manipulation/mask/NC2016_0001_mask.png"
    ImageOps.invert(Image.open(mask)).save(mask)
    _, findings, _ = prepare("nist16", tmp_path)
    (row,) = findings
    assert row["kind"] == "mostly manipulated" and row["file"] in truth and "inverted?" in row["message"]


def test_coco_synthetic(tmp_path):
    boxes = make_coco_synthetic(tmp_path / "coco_synthetic")
    entries, findings, output = prepare("coco_synthetic", tmp_path)
    assert findings == []
    assert {name: [a["bbox"] for a in e["annotations"]] for name, e in entries.items()} == {
        f"images/{name}": image_boxes for name, image_boxes in boxes.items()
    }
    for entry in entries.values():
        assert entry["mask_file_name"] is None
        assert entry["technique"] == ("splice" if entry["annotations"] else "authentic")
        assert all("segmentation" not in annotation for annotation in entry["annotations"])
    # 0-1-2, 3-4-5, ...: the third of each chain pastes an image onto itself.
    groups = Counter(entry["group"] for entry in entries.values() if not entry["authentic"])
    assert sorted(groups.values()) == [2, 3, 3, 3, 3, 3, 3]
    train, test = split(tmp_path, "coco_synthetic")
    assert 0 < len(test) < len(train) and "difference" in output
    (first,) = [e for n, e in entries.items() if "Tp_1000" in n]
    assert first["group"] == entries["images/COCO_train2014_000000001001.jpg"]["group"]


def test_coco_synthetic_boxes_at_the_border_and_broken_lines(tmp_path):
    root = tmp_path / "coco_synthetic"
    make_coco_synthetic(root, pairs=4)
    names = [
        line.split()[0] for line in (root / "train_filter_single.txt").read_text().splitlines() if "tamper" in line
    ]
    lines = [f"{names[0]} 0 0 61 40 tamper", f"{names[1]} 61 1 70 9 tamper", f"{names[2]} 1 1 1 1 tamper"]
    lines += [f"{names[2]} 3 3 4 4 tamper", "gone.png 1 1 2 2 tamper", "a line", f"{names[3]} 1 1 2 x tamper"]
    (root / "train_filter_single.txt").write_text("\n".join(lines))
    entries, findings, _ = prepare("coco_synthetic", tmp_path)
    boxes = {name: [a["bbox"] for a in entry["annotations"]] for name, entry in entries.items()}
    assert boxes == {
        f"images/{names[0]}": [[0, 0, 60, 40]],
        f"images/{names[2]}": [[0, 0, 1, 1], [2, 2, 2, 2]],
    }
    kinds = Counter((row["action"], row["kind"]) for row in findings)
    assert kinds == {
        ("repaired", "box"): 1, ("skipped", "no ground truth"): 1, ("skipped", "no such image"): 1,
        ("skipped", "line"): 2, ("noted", "not listed"): 2,
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["CASIA 2 Groundtruth", "Gt", None])
def test_casia_v2(tmp_path, folder):
    masks = make_casia_v2(tmp_path / "casia_v2", folder)
    entries, findings, output = prepare("casia_v2", tmp_path, script="casia")
    assert len(entries) == 5 + 8
    rows = {(row["kind"], Path(row["file"]).stem): row for row in findings}
    for stem, suffix, background, technique in CASIA_V2:
        entry, mask = entries[f"Tp/{stem}.{suffix}"], masks[f"{stem}.{suffix}"]
        prepared_mask = mask_of(entry)
        if folder:
            np.testing.assert_array_equal(prepared_mask, mask)
            assert entry["technique"] == technique  # also of the two that the list corrects
        else:  # by subtraction
            assert (prepared_mask & mask).sum() / (prepared_mask | mask).sum() > 0.9
            assert rows["mask by subtraction", stem]["message"].startswith(f"from Au_{background}.")
    if folder:
        assert ("mask size", CASIA_V2[4][0]) in rows and len(rows) == 1
    split(tmp_path, "casia_v2")
    assert len(load(tmp_path, "casia_v2", "_authentic")) == 8
    assert "copy-move" in output


@pytest.mark.parametrize("name", ["coverage", "columbia", "nist16", "coco_synthetic"])
def test_wrong_roots_are_one_line(tmp_path, name):
    completed = run(f"datasets/prepare_{name}.py", cwd=tmp_path, DETECTRON2_DATASETS=str(tmp_path))
    assert completed.returncode == 2 and len(completed.stderr.splitlines()) == 1
    assert str(tmp_path / name) in completed.stderr and "no such folder" in completed.stderr
    (tmp_path / name).mkdir()
    completed = run(f"datasets/prepare_{name}.py", "--root", name, cwd=tmp_path)
    assert completed.returncode == 2 and "--help shows the tree" in completed.stderr


@pytest.mark.parametrize("name", ["casia", "coverage", "columbia", "nist16", "coco_synthetic"])
def test_help_shows_the_tree(name, capsys):
    with pytest.raises(SystemExit):
        calling(f"prepare {name.replace('_', '-')}")(["--help"])
    output = capsys.readouterr().out
    assert getattr(published, name.upper()).tree in output
    assert "--root" in output and "DETECTRON2_DATASETS" in output
    assert ("--test-fraction" in output) == (name != "columbia")
