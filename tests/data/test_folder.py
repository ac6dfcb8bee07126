"""Any folder of images through the real command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.commands import run
from fixtures.pictures import mask, picture
from PIL import Image

from constrained_rcnn.data import internal_form
from constrained_rcnn.data.image_io import read_mask
from constrained_rcnn.data.sources import folder

SCRIPT = "datasets/prepare_folder.py"


def load(root: Path, name: str) -> dict[str, dict]:
    return {
        Path(entry["file_name"]).name: entry
        for entry in internal_form.load(root / f"annotations/{name}.json")
    }


def findings(root: Path, name: str) -> dict[str, str]:
    rows = json.loads((root / f"annotations/{name}_report.json").read_text())["findings"]
    return {row["file"]: f"{row['action']}: {row['kind']}" for row in rows}


def test_masks_by_stem_in_a_folder_of_their_own(tmp_path):
    for name in ("plain.jpg", "ends_gt.JPG", "sub/deep.png", "flat.tif", "no_mask.jpg", "two.png"):
        picture(tmp_path / "images" / name)
    for name in (
        "plain.png",
        "ends_gt_mask.png",
        "sub/deep_gt.png",
        "two.png",
        "two_mask.png",
        "orphan.png",
        "flat.bmp",
    ):
        mask(tmp_path / "masks" / name)
    picture(tmp_path / "real/b.jpg")
    done = run(
        SCRIPT,
        "--images",
        "images",
        "--masks",
        "masks",
        "--authentic",
        "real",
        "--root",
        "out",
        "--name",
        "mine",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    entries = load(tmp_path / "out", "mine")
    assert set(entries) == {"plain.jpg", "ends_gt.JPG", "deep.png", "flat.tif", "b.jpg"}
    assert entries["b.jpg"]["authentic"] and entries["b.jpg"]["annotations"] == []
    for name in set(entries) - {"b.jpg"}:
        assert [a["bbox"] for a in entries[name]["annotations"]] == [[5, 5, 10, 7]]
        assert (
            entries[name]["technique"] == "tampered" and entries[name]["annotations"][0]["category_id"] == 0
        )
        assert Path(entries[name]["file_name"]).is_file()
        assert read_mask(entries[name]["mask_file_name"], (20, 30)).sum() == 70
    content = json.loads((tmp_path / "out/annotations/mine.json").read_text())
    assert content["categories"] == [{"id": 1, "name": "tampered"}]
    assert findings(tmp_path / "out", "mine") == {
        "no_mask.jpg": "skipped: no mask",
        "two.png": "skipped: several masks",
        "orphan.png": "skipped: mask without image",
    }


def test_masks_beside_the_images_and_labels(tmp_path):
    root = tmp_path / "set"
    for name, truth in (("a.jpg", "a_gt.png"), ("b.jpg", "b_mask.png"), ("sub/c.png", "sub/c_gt.png")):
        picture(root / name)
        mask(root / truth)
    picture(root / "d.jpg")
    (root / "labels.csv").write_text(
        "\ufeffImage, technique ,group\na.jpg,Splicing,one\nb,copy-move,one\n"
        "sub\\c.png,inpainting,\nd.jpg,authentic,one\ngone.jpg,splice,\n",
        encoding="utf-8",
    )
    done = run(
        SCRIPT,
        "--images",
        root,
        "--labels",
        root / "labels.csv",
        "--root",
        root,
        "--name",
        "set",
        "--test-fraction",
        "0.25",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    entries = load(root, "set")
    assert {name: entry["technique"] for name, entry in entries.items()} == {
        "a.jpg": "splice",
        "b.jpg": "copy-move",
        "c.png": "removal",
        "d.jpg": "authentic",
    }
    assert [entries[name]["annotations"][0]["category_id"] for name in ("a.jpg", "b.jpg", "c.png")] == [
        0,
        1,
        2,
    ]
    assert {entries[name]["group"] for name in ("a.jpg", "b.jpg", "d.jpg")} == {"one"}
    assert set(load(root, "set_train")) == {"a.jpg", "b.jpg", "d.jpg"} and set(load(root, "set_test")) == {
        "c.png"
    }
    assert json.loads((root / "annotations/set.json").read_text())["info"]["image_root"] == "."
    assert findings(root, "set") == {"gone.jpg": "noted: label without image"}


def test_one_unknown_technique_makes_the_set_tampered(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.jpg")
        mask(tmp_path / f"{name}_gt.png")
    (tmp_path / "labels.csv").write_text("image,technique\na.jpg,splice\n")
    done = run(SCRIPT, "--images", ".", "--labels", "labels.csv", "--root", ".", "--name", "x", cwd=tmp_path)
    assert done.returncode == 0 and "filed as the one class" in done.stdout, done.stderr
    assert {entry["technique"] for entry in load(tmp_path, "x").values()} == {"tampered"}


def test_empty_masks(tmp_path):
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "images/b.png")
    mask(tmp_path / "masks/a.png", box=None)
    mask(tmp_path / "masks/b.png")
    arguments = ["--images", "images", "--masks", "masks", "--root", "out", "--name", "x"]
    done = run(SCRIPT, *arguments, cwd=tmp_path)
    assert set(load(tmp_path / "out", "x")) == {"b.png"} and "empty mask" in done.stdout
    run(SCRIPT, *arguments, "--empty-is-authentic", cwd=tmp_path)
    entries = load(tmp_path / "out", "x")
    assert entries["a.png"]["authentic"] and entries["a.png"]["mask_file_name"] is None


def test_names_that_differ_in_their_suffix_or_case_keep_masks_apart(tmp_path):
    for name in ("a.jpg", "a.png", "B.png", "sub/b.png"):
        picture(tmp_path / "images" / name)
    mask(tmp_path / "masks/a.png")
    mask(tmp_path / "masks/B.png", box=(0, 0, 10, 10))
    mask(tmp_path / "masks/sub/b.png", box=(0, 0, 20, 10))
    run(SCRIPT, "--images", "images", "--masks", "masks", "--root", "out", "--name", "x", cwd=tmp_path)
    entries = internal_form.load(tmp_path / "out/annotations/x.json")
    assert len({entry["mask_file_name"].lower() for entry in entries}) == len(entries) == 4
    assert [int(read_mask(entry["mask_file_name"]).sum()) for entry in entries] == [100, 70, 70, 200]


def test_kinds_of_files_are_read_by_rule_and_noted(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (30, 20)).save(images / "turned.jpg", exif=turned)
    Image.new("CMYK", (30, 20)).save(images / "cmyk.jpg")
    Image.fromarray(np.zeros((20, 30), np.uint16)).save(images / "deep.png")
    Image.new("RGB", (30, 20)).save(
        images / "pages.tif", save_all=True, append_images=[Image.new("RGB", (30, 20))]
    )
    Image.new("RGBA", (30, 20)).save(images / "alpha.png")
    for name in ("cmyk", "deep", "pages", "alpha"):
        mask(tmp_path / f"masks/{name}.png")
    mask(tmp_path / "masks/turned.png")  # drawn on the unturned pixels
    done = run(SCRIPT, "--images", "images", "--masks", "masks", "--root", "out", "--name", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out/annotations/x_report.json").read_text())["findings"]
    assert {(Path(row["file"]).stem, row["kind"]) for row in rows} == {
        ("turned", "orientation"),
        ("turned", "mask size"),
        ("cmyk", "colours"),
        ("deep", "16-bit"),
        ("pages", "several pages"),
        ("alpha", "colours"),
    }
    entry = load(tmp_path / "out", "x")["turned.jpg"]
    assert (entry["height"], entry["width"]) == (30, 20)
    expected = np.zeros((20, 30), np.uint8)
    expected[5:12, 5:15] = 1
    np.testing.assert_array_equal(read_mask(entry["mask_file_name"]), np.rot90(expected, 3))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--images", "nowhere", "--root", "o", "--name", "x"], "nowhere: no such folder of images"),
        (
            ["--images", "images", "--masks", "nowhere", "--root", "o", "--name", "x"],
            "nowhere: no such folder of masks",
        ),
        (["--images", "images", "--root", "o", "--name", "a/b"], "--name a/b"),
        (["--images", "images", "--root", "o", "--name", "x"], "no usable image"),
        (
            ["--images", "images", "--root", "o", "--name", "x", "--labels", "bad.csv"],
            "line 2: unknown technique 'blur'",
        ),
        (
            ["--images", "images", "--root", "o", "--name", "x", "--labels", "headless.csv"],
            "columns `image` and `technique`",
        ),
        (["--images", "images", "--root", "o", "--name", "x", "--labels", "none.csv"], "none.csv"),
    ],
)
def test_wrong_input_is_one_line(tmp_path, arguments, words):
    picture(tmp_path / "images/a.png")
    (tmp_path / "bad.csv").write_text("image,technique\na.png,blur\n")
    (tmp_path / "headless.csv").write_text("a.png,splice\nb.png,splice\n")
    done = run(SCRIPT, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_authentic_folder_inside_the_images(tmp_path):
    for name in ("all/a.png", "all/real/b.png"):
        picture(tmp_path / name)
    mask(tmp_path / "all/a_gt.png")
    scan = folder.scan(folder.Folders(tmp_path / "all", authentic=tmp_path / "all/real"))
    assert [(sample.image.name, sample.truth is None) for sample in scan.samples] == [
        ("a.png", False),
        ("b.png", True),
    ]
    assert scan.findings == []
