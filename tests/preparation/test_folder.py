"""Any folder of images through the real command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.preparation.sources import folder
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import run
from tests.helpers.folder_sets import SCRIPT, findings, prepared
from tests.helpers.images import image_file, mask


def load(root: Path, name: str) -> dict[str, dict]:
    return {Path(entry["file_name"]).name: entry for entry in annotation_format.load(root / f"annotations/{name}.json")}


def test_masks_by_stem_in_a_folder_of_their_own(tmp_path):
    for name in ("plain.jpg", "ends_gt.JPG", "sub/deep.png", "flat.tif", "no_mask.jpg", "two.png"):
        image_file(tmp_path / "images" / name)
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
    image_file(tmp_path / "real/b.jpg")
    completed = run(
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
    assert completed.returncode == 0, completed.stderr
    entries = load(tmp_path / "out", "mine")
    assert set(entries) == {"plain.jpg", "ends_gt.JPG", "deep.png", "flat.tif", "b.jpg"}
    assert entries["b.jpg"]["authentic"] and entries["b.jpg"]["annotations"] == []
    for name in set(entries) - {"b.jpg"}:
        assert [a["bbox"] for a in entries[name]["annotations"]] == [[5, 5, 10, 7]]
        assert entries[name]["technique"] == "tampered" and entries[name]["annotations"][0]["category_id"] == 0
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
        image_file(root / name)
        mask(root / truth)
    image_file(root / "d.jpg")
    (root / "labels.csv").write_text(
        "\ufeffImage, technique ,group\na.jpg,Splicing,one\nb,copy-move,one\n"
        "sub\\c.png,inpainting,\nd.jpg,authentic,one\ngone.jpg,splice,\n",
        encoding="utf-8",
    )
    completed = run(
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
    assert completed.returncode == 0, completed.stderr
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
    assert set(load(root, "set_train")) == {"a.jpg", "b.jpg", "d.jpg"} and set(load(root, "set_test")) == {"c.png"}
    assert json.loads((root / "annotations/set.json").read_text())["info"]["image_root"] == "."
    assert findings(root, "set") == {"gone.jpg": "noted: label without image"}


def test_one_unknown_technique_makes_the_set_tampered(tmp_path):
    for name in ("a", "b"):
        image_file(tmp_path / f"{name}.jpg")
        mask(tmp_path / f"{name}_gt.png")
    (tmp_path / "labels.csv").write_text("image,technique\na.jpg,splice\n")
    completed = run(SCRIPT, "--images", ".", "--labels", "labels.csv", "--root", ".", "--name", "x", cwd=tmp_path)
    assert completed.returncode == 0 and "filed as the one class" in completed.stdout, completed.stderr
    assert {entry["technique"] for entry in load(tmp_path, "x").values()} == {"tampered"}


def test_empty_masks(tmp_path):
    image_file(tmp_path / "images/a.png")
    image_file(tmp_path / "images/b.png")
    mask(tmp_path / "masks/a.png", box=None)
    mask(tmp_path / "masks/b.png")
    arguments = ["--images", "images", "--masks", "masks", "--root", "out", "--name", "x"]
    completed = run(SCRIPT, *arguments, cwd=tmp_path)
    assert set(load(tmp_path / "out", "x")) == {"b.png"} and "empty mask" in completed.stdout
    run(SCRIPT, *arguments, "--empty-is-authentic", cwd=tmp_path)
    entries = load(tmp_path / "out", "x")
    assert entries["a.png"]["authentic"] and entries["a.png"]["mask_file_name"] is None


def test_kinds_of_files_are_read_by_rule_and_noted(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (30, 20)).save(images / "turned.jpg", exif=turned)
    Image.new("CMYK", (30, 20)).save(images / "cmyk.jpg")
    Image.fromarray(np.zeros((20, 30), np.uint16)).save(images / "deep.png")
    Image.new("RGB", (30, 20)).save(images / "pages.tif", save_all=True, append_images=[Image.new("RGB", (30, 20))])
    Image.new("RGBA", (30, 20)).save(images / "alpha.png")
    for name in ("cmyk", "deep", "pages", "alpha"):
        mask(tmp_path / f"masks/{name}.png")
    mask(tmp_path / "masks/turned.png")  # drawn on the unturned pixels
    completed = run(SCRIPT, "--images", "images", "--masks", "masks", "--root", "out", "--name", "x", cwd=tmp_path)
    assert completed.returncode == 0, completed.stderr
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
    image_file(tmp_path / "images/a.png")
    (tmp_path / "bad.csv").write_text("image,technique\na.png,blur\n")
    (tmp_path / "headless.csv").write_text("a.png,splice\nb.png,splice\n")
    completed = run(SCRIPT, *arguments, cwd=tmp_path)
    assert completed.returncode == 2 and words in completed.stderr and len(completed.stderr.splitlines()) == 1, (
        completed.stderr
    )


def test_authentic_folder_inside_the_images(tmp_path):
    for name in ("all/a.png", "all/real/b.png"):
        image_file(tmp_path / name)
    mask(tmp_path / "all/a_gt.png")
    scan = folder.scan(folder.Folders(tmp_path / "all", authentic=tmp_path / "all/real"))
    assert [(sample.image.name, sample.truth is None) for sample in scan.samples] == [
        ("a.png", False),
        ("b.png", True),
    ]
    assert scan.findings == []


def test_originals_beside_their_forgeries_are_authentic(tmp_path):
    for place, number in (("x", 0), ("y", 1)):
        image_file(tmp_path / f"images/{place}/00{number}_orig.jpg", value=40)
        for forgery in ("0.png", "1.jpg"):
            image_file(tmp_path / f"images/{place}/c{number}_{forgery}", value=60)
            mask(tmp_path / f"images/{place}/c{number}_{forgery[0]}_mask.png")
    image_file(tmp_path / "images/z/alone_orig.jpg")  # beside no forgery: nobody says that it is authentic
    entries, findings = prepared(tmp_path, "--test-fraction", 0.5)
    assert {name for name, entry in entries.items() if entry["authentic"]} == {"x/000_orig.jpg", "y/001_orig.jpg"}
    for place in "xy":  # one source: never on both sides of the split
        assert len({entry["group"] for name, entry in entries.items() if name.startswith(place)}) == 1
    assert len({entry["group"] for entry in entries.values()}) == 2
    assert findings["z/alone_orig.jpg"] == "skipped: no mask" and findings["x/000_orig.jpg"] == "noted: original"


def test_originals_of_one_folder_go_with_the_forgeries_that_are_called_like_them(tmp_path):
    for name in ("a", "a_2", "ab", "b"):
        image_file(tmp_path / f"images/{name}.png")
        mask(tmp_path / f"images/{name}_gt.png")
    for name in ("a_ORIG", "b_original"):
        image_file(tmp_path / f"images/{name}.png")
    made_of = {sample.image.stem: sample.sources for sample in folder.scan(folder.Folders(tmp_path / "images")).samples}
    assert made_of == {
        "a": ("a_ORIG.png",), "a_2": ("a_ORIG.png",), "a_ORIG": ("a_ORIG.png",), "ab": (),
        "b": ("b_original.png",), "b_original": ("b_original.png",),
    }  # fmt: skip


def test_a_set_of_authentic_images_alone_is_written_only_if_it_is_meant(tmp_path):
    image_file(tmp_path / "images/a.png")
    real = ["--authentic", tmp_path / "images"]
    with pytest.raises(UserError, match="no usable forged image beside 1 authentic ones.*give --authentic-only"):
        prepared(tmp_path, *real)
    entries, _ = prepared(tmp_path, *real, "--authentic-only")
    assert [entry["authentic"] for entry in entries.values()] == [True]


def test_a_side_of_the_split_without_forgeries_is_said(tmp_path):
    for name in "ab":
        image_file(tmp_path / f"images/{name}.png", value=30 if name == "a" else 90)
    mask(tmp_path / "masks/a.png")
    (tmp_path / "labels.csv").write_text("image,technique\na.png,splice\nb.png,authentic\n")
    (tmp_path / "split.json").write_text('{"splits": {"train": ["a.png"], "test": ["b.png"]}}')
    _, findings = prepared(tmp_path, "--labels", tmp_path / "labels.csv", "--split-file", tmp_path / "split.json")
    assert findings == {"test": "noted: split: no forged image"}
