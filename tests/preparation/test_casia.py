"""CASIA v1 in miniature through the real command; names, spreadsheet and matching by themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images import reading
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.preparation import records
from constrained_rcnn.preparation.sources import casia
from tests.helpers.casia_tree import DECOY, FORGED, RECOMPRESSED, ROTATED, make_casia_v1
from tests.helpers.commands import calling, run

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
SCRIPT = "datasets/prepare_casia.py"


WITHOUT_MASK = "Sp_D_CNN_A_pla0010_pla0011_0500"  # its mask is made by subtraction


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """(root, true masks, completed process, report)."""
    root = tmp_path_factory.mktemp("casia") / "casia_v1"
    masks = make_casia_v1(root)
    completed = run(SCRIPT, "--root", root, cwd=root.parent)
    assert completed.returncode == 0, completed.stderr
    return root, masks, completed, json.loads((root / "annotations/casia_v1_report.json").read_text())


def test_every_mask_is_found_and_right(prepared):
    root, masks, _, _ = prepared
    forged = [entry for entry in annotation_format.load(root / "annotations/casia_v1.json") if not entry["authentic"]]
    assert {Path(entry["file_name"]).name for entry in forged} == set(masks) | {f"{WITHOUT_MASK}.jpg"}
    folders = {f"{stem}.jpg": mask.split("/")[0] for stem, _, mask, _ in FORGED if mask}
    for entry in forged:
        name = Path(entry["file_name"]).name
        if name == f"{WITHOUT_MASK}.jpg":
            continue
        np.testing.assert_array_equal(
            read_mask(entry["mask_file_name"], (entry["height"], entry["width"])), masks[name]
        )
        union = np.logical_or.reduce([coco_mask.decode(a["segmentation"]) for a in entry["annotations"]])
        np.testing.assert_array_equal(union, masks[name])
        assert entry["technique"] == {"CM": "copy-move", "Sp": "splice"}[folders[name]]


def test_the_report_says_how_each_was_found(prepared):
    _, _, completed, report = prepared
    rows = {(row["kind"], Path(row["file"]).stem): row for row in report["findings"]}
    for stem, _, mask, method in FORGED:
        if method and method != "exact":
            assert f"{Path(mask).stem}_gt.png" in rows[f"mask name: {method}", stem]["message"]
    assert "turned by 90 degrees counter-clockwise" in rows["mask size", ROTATED]["message"]
    assert "Au_cha_0011.jpg compressed again" in rows["no ground truth", RECOMPRESSED]["message"]
    assert rows["mask by subtraction", WITHOUT_MASK]["message"] == "from Au_pla_0010.jpg"
    assert rows["mask without image", f"{Path(DECOY).name}_gt"]["action"] == "skipped"
    assert len(rows) == len(report["findings"])  # nothing is said twice
    for row in report["findings"]:
        assert row["file"] in completed.stdout
    assert report["counts"]["images"] == 17 + 10 and report["counts"]["techniques"]["authentic"] == 17


def test_splits_keep_sources_together(prepared):
    root, _, _, _ = prepared
    parts = {part: annotation_format.load(root / f"annotations/casia_v1_{part}.json") for part in ("train", "test")}
    names = [entry["file_name"] for part in parts.values() for entry in part]
    assert sorted(names) == sorted(
        entry["file_name"] for entry in annotation_format.load(root / "annotations/casia_v1.json")
    )
    groups = {part: {entry["group"] for entry in entries} for part, entries in parts.items()}
    assert not groups["train"] & groups["test"] and groups["test"]
    group_of = {
        Path(name).stem: entry["group"] for part in parts.values() for entry in part for name in [entry["file_name"]]
    }
    assert group_of["Sp_D_NRN_A_ani0001_arc0002_0001"] == group_of["Au_ani_0001"] == group_of["Au_arc_0002"]
    assert group_of["Sp_D_NRN_A_ant0063_nat0065_0443"] == group_of["Au_nat_0063"] == group_of["Au_nat_0065"]
    authentic = annotation_format.load(root / "annotations/casia_v1_authentic.json")
    assert len(authentic) == 17 and all(entry["authentic"] for entry in authentic)


def test_a_second_run_does_nothing_and_says_so(prepared, monkeypatch, capsys):
    root, _, _, _ = prepared
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    monkeypatch.setattr(casia, "scan", lambda *_: pytest.fail("scanned"))
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened an image"))
    assert calling("prepare casia")(["--root", str(root)]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == times


def test_each_image_of_a_set_is_decoded_once(tmp_path, monkeypatch):
    make_casia_v1(tmp_path / "casia_v1")
    decoded = []
    monkeypatch.setattr(records, "load_image", lambda path: decoded.append(path) or reading.load_image(path))
    assert calling("prepare casia")(["--root", str(tmp_path / "casia_v1")]) == 0
    images = [path for folder in ("Au", "Sp") for path in (tmp_path / "casia_v1" / folder).iterdir()]
    assert sorted(decoded) == sorted(images)


def test_a_moved_tree_is_still_prepared(prepared, tmp_path):
    root, _, _, _ = prepared
    shutil.copytree(root, tmp_path / "moved")
    assert "nothing to do" in run(SCRIPT, "--root", "moved", cwd=tmp_path).stdout
    entry = annotation_format.load(tmp_path / "moved/annotations/casia_v1.json")[0]
    assert entry["file_name"].startswith(str(tmp_path / "moved"))


def test_read_only_source_and_output_elsewhere(tmp_path):
    make_casia_v1(tmp_path / "data/casia_v1")
    files = sorted((tmp_path / "data").rglob("*"))
    completed = run(
        SCRIPT, cwd=tmp_path, DETECTRON2_DATASETS="data", CONSTRAINED_RCNN_PREPARED=str(tmp_path / "prepared")
    )
    assert completed.returncode == 0, completed.stderr
    assert sorted((tmp_path / "data").rglob("*")) == files
    for entry in annotation_format.load(tmp_path / "prepared/casia_v1/annotations/casia_v1_train.json"):
        assert (
            Path(entry["file_name"]).parent.parent == tmp_path / "data/casia_v1" and Path(entry["file_name"]).is_file()
        )
        assert entry["authentic"] or (tmp_path / "prepared/casia_v1/masks") in Path(entry["mask_file_name"]).parents


def test_the_order_of_the_files_does_not_matter(prepared, tmp_path):
    root, _, _, _ = prepared
    other = tmp_path / "casia_v1"
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(root).parts[0] not in ("annotations", "masks"):
            (other / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, other / path.relative_to(root))
    run(SCRIPT, "--root", other, "--workers", 3, cwd=tmp_path)
    for path in (root / "annotations").glob("casia_v1*.json"):
        if "report" not in path.name:
            assert (other / "annotations" / path.name).read_bytes() == path.read_bytes(), path.name


def test_bad_files_are_listed_and_the_rest_goes_on(tmp_path):
    root = tmp_path / "casia_v1"
    make_casia_v1(root)
    truth = root / "CASIA 1.0 groundtruth"
    image = root / "Sp/Sp_D_NRN_A_ani0001_arc0002_0001.jpg"
    image.write_bytes(image.read_bytes()[:700])
    (root / "Au/Au_txt_0003.jpg").write_bytes(b"")
    broken, empty, size = (truth / f"{mask}_gt.png" for _, _, mask, _ in FORGED[1:4])
    broken.write_bytes(broken.read_bytes()[:60])
    Image.new("L", (60, 40)).save(empty)
    Image.new("L", (61, 40), 255).save(size)
    full, grey = (truth / f"{mask}_gt.png" for _, _, mask, _ in FORGED[4:6])
    Image.new("L", (60, 40), 255).save(full)
    Image.fromarray(np.linspace(0, 255, 2400).astype(np.uint8).reshape(40, 60)).save(grey)
    completed = run(SCRIPT, "--root", root, cwd=tmp_path)
    assert completed.returncode == 0, completed.stderr
    rows = json.loads((root / "annotations/casia_v1_report.json").read_text())["findings"]
    findings = {row["file"]: (row["action"], row["message"]) for row in rows if not row["kind"].startswith("mask name")}
    for file, action, words in (
        (f"Sp/{image.name}", "skipped", "damaged or truncated"),
        ("Au/Au_txt_0003.jpg", "skipped", "the file is empty"),
        (f"Sp/{FORGED[1][0]}.jpg", "skipped", "damaged or truncated"),
        (f"Sp/{FORGED[2][0]}.jpg", "skipped", "empty mask"),
        (f"Sp/{FORGED[3][0]}.jpg", "skipped", "mask is 61x40, its image 60x40"),
        (f"Sp/{FORGED[4][0]}.jpg", "noted", "every pixel is manipulated"),
        (f"Sp/{FORGED[5][0]}.jpg", "noted", "neither 0 nor 255"),
    ):
        assert findings[file][0] == action and words in findings[file][1], file
        assert file in completed.stdout
    names = {Path(entry["file_name"]).name for entry in annotation_format.load(root / "annotations/casia_v1.json")}
    assert f"{FORGED[4][0]}.jpg" in names and image.name not in names


def test_a_split_file_is_used_and_its_leaks_are_said(prepared, tmp_path):
    root, _, _, _ = prepared
    file = tmp_path / "mine.json"
    file.write_text(
        json.dumps(
            {
                "splits": {
                    "train": ["Sp/Sp_D_NRN_A_ani0001_arc0002_0001.jpg", "Sp/gone.jpg"],
                    "test": ["Au/Au_ani_0001.jpg"],
                }
            }
        )
    )
    completed = run(SCRIPT, "--root", root, "--output", tmp_path / "out", "--split-file", file, cwd=tmp_path)
    assert completed.returncode == 0, completed.stderr
    assert "images on both sides" in completed.stdout and "Sp/gone.jpg" in completed.stdout
    (entry,) = annotation_format.load(tmp_path / "out/annotations/casia_v1_test.json")
    assert entry["file_name"].endswith("Au_ani_0001.jpg")
    # The split file that the first run wrote gives the same split again.
    rerun = run(
        SCRIPT,
        "--root",
        root,
        "--output",
        tmp_path / "again",
        "--split-file",
        root / "annotations/casia_v1_split.json",
        cwd=tmp_path,
    )
    assert rerun.returncode == 0, rerun.stderr
    assert (tmp_path / "again/annotations/casia_v1_test.json").read_bytes() != b""
    first, second = (
        json.loads((place / "annotations/casia_v1_test.json").read_text()) for place in (root, tmp_path / "again")
    )
    assert first["images"] == second["images"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--root", "nowhere"], "nowhere: no such folder"),
        (["--root", "."], "neither a folder Sp"),
        (["--root", "casia_v1", "--masks", "nowhere"], "nowhere: no such folder of masks"),
        (["--root", "casia_v1", "--split-file", "nowhere.json"], "nowhere.json: no such split file"),
    ],
)
def test_wrong_paths_are_one_line(tmp_path, arguments, words):
    (tmp_path / "casia_v1/Sp").mkdir(parents=True)
    completed = run(SCRIPT, *arguments, cwd=tmp_path)
    assert completed.returncode == 2 and words in completed.stderr and len(completed.stderr.splitlines()) == 1


def test_help_shows_the_tree():
    completed = run(SCRIPT, "--help", cwd=Path.cwd())
    assert (
        completed.returncode == 0 and "CM/<tampered name>_gt.png" in completed.stdout and "--root" in completed.stdout
    )
