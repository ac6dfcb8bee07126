"""The images of a data set show what its annotations say, through the real command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_image
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.visualization import dataset_images
from tests.helpers.commands import run
from tests.helpers.images import mask
from tests.helpers.source_trees import make_coco_synthetic, save

SCRIPT = "tools/visualize_data.py"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A set of grey images: two copy-moves with a region and a small one, a removal, an authentic one."""
    root = tmp_path_factory.mktemp("images")
    grey = np.full((120, 160, 3), 128, np.uint8)
    for name in ("a", "b", "c", "d"):
        save(root / f"images/{name}.png", grey)
    for name in ("a", "b", "c"):
        mask(root / f"masks/{name}.png", (160, 120), (20, 30, 80, 90))
    from PIL import Image

    for name in ("a", "b"):
        image = Image.open(root / f"masks/{name}.png")
        image.paste(255, (140, 100, 143, 103))  # a small region
        image.save(root / f"masks/{name}.png")
    rows = ["image,technique", "a.png,copy-move", "b.png,copy-move", "c.png,removal", "d.png,authentic"]
    (root / "labels.csv").write_text("\n".join(rows))
    arguments = [
        "--images",
        "images",
        "--masks",
        "masks",
        "--labels",
        "labels.csv",
        "--root",
        ".",
        "--name",
        "x",
    ]
    completed = run("datasets/prepare_folder.py", *arguments, cwd=root)
    assert completed.returncode == 0, completed.stderr
    return root / "annotations/x.json"


def test_colours_are_where_the_annotations_say(prepared):
    entries, classes = dataset_images.load(str(prepared))
    by_name = {Path(entry["file_name"]).stem: entry for entry in entries}
    for name, technique in (("a", "copy-move"), ("c", "removal")):
        image = dataset_images.overlay(by_name[name], classes)[:120]
        colour = np.array(dataset_images.colour_of(technique))
        opacity = dataset_images.OPACITY
        np.testing.assert_allclose(image[60, 50], 128 * (1 - opacity) + colour * opacity, atol=1)
        np.testing.assert_array_equal(image[30, 20], colour)  # outline and box
        assert (image[:20] == 128).all() and (image[:, 100:138] == 128).all()
        pixel = image[101, 141]
        np.testing.assert_array_equal(pixel, dataset_images.SMALL_REGION_COLOUR if name == "a" else [128] * 3)
    assert (dataset_images.overlay(by_name["d"], classes)[:120] == 128).all()


def test_the_command_writes_a_sheet_and_overlays(prepared, tmp_path):
    completed = run(
        SCRIPT,
        "--dataset",
        prepared,
        "--output",
        "out/sheet.png",
        "--overlays",
        "out/single",
        "--columns",
        3,
        cwd=tmp_path,
    )
    assert completed.returncode == 0 and "4 images" in completed.stdout, completed.stderr
    sheet = read_image(tmp_path / "out/sheet.png")
    assert sheet.shape[1] == 3 * (dataset_images.CELL + dataset_images.GAP)
    assert len(list((tmp_path / "out/single").iterdir())) == 4
    completed = run(
        SCRIPT, "--dataset", prepared, "--output", "one.png", "--name", "/b.png", "--count", 9, cwd=tmp_path
    )
    assert "1 images" in completed.stdout
    completed = run(SCRIPT, "--dataset", prepared, "--output", "none.png", "--name", "zzz", cwd=tmp_path)
    assert completed.returncode == 2 and "no such images" in completed.stderr


def test_boxes_only(tmp_path):
    make_coco_synthetic(tmp_path / "coco", pairs=3)
    completed = run("datasets/prepare_coco_synthetic.py", "--root", "coco", cwd=tmp_path)
    assert completed.returncode == 0, completed.stderr
    entries, classes = dataset_images.load(str(tmp_path / "coco/annotations/coco_synthetic.json"))
    (entry,) = [entry for entry in entries if "Tp_1000_" in entry["file_name"]]
    image, (x, y, _, _) = dataset_images.overlay(entry, classes), entry["annotations"][0]["bbox"]
    np.testing.assert_array_equal(image[int(y), int(x)], dataset_images.colour_of("splice"))


def test_the_choice_is_even_and_repeatable():
    entries = [
        {"technique": t, "image_id": n} for n, t in enumerate(["authentic"] * 90 + ["splice"] * 8 + ["removal"] * 2)
    ]
    choice = dataset_images.choose(entries, 10, seed=1)
    assert [entry["technique"] for entry in choice] == ["authentic"] * 4 + ["splice"] * 4 + ["removal"] * 2
    assert choice == dataset_images.choose(entries, 10, seed=1) != dataset_images.choose(entries, 10, seed=2)
    assert len(dataset_images.choose(entries, 1000, seed=0)) == 100


def test_an_image_that_has_changed_is_said(prepared):
    entry = annotation_format.load(prepared)[0]
    with pytest.raises(UserError, match="prepare the data set again"):
        dataset_images.overlay({**entry, "height": 60}, ["splice"])
