"""Which mask belongs to which image of a folder."""

from __future__ import annotations

import pytest

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import run
from tests.helpers.folder_sets import SCRIPT, area, prepared
from tests.helpers.images import image_file, mask


def test_names_that_differ_in_their_suffix_or_case_keep_masks_apart(tmp_path):
    for name in ("a.jpg", "a.png", "B.png", "sub/b.png"):
        image_file(tmp_path / "images" / name)
    mask(tmp_path / "masks/a.png")
    mask(tmp_path / "masks/B.png", box=(0, 0, 10, 10))
    mask(tmp_path / "masks/sub/b.png", box=(0, 0, 20, 10))
    run(SCRIPT, "--images", "images", "--masks", "masks", "--root", "out", "--name", "x", cwd=tmp_path)
    entries = annotation_format.load(tmp_path / "out/annotations/x.json")
    assert len({entry["mask_file_name"].lower() for entry in entries}) == len(entries) == 4
    assert [int(read_mask(entry["mask_file_name"]).sum()) for entry in entries] == [100, 70, 70, 200]


def test_images_of_one_name_never_share_a_mask(tmp_path):
    for name in ("one/a.png", "two/a.jpg", "three/a.png", "one/b.png", "two/b.png", "one/c.png", "two/c.png", "d.png"):
        image_file(tmp_path / "images" / name)
    mask(tmp_path / "masks/a.png")  # of none of the three
    mask(tmp_path / "masks/b.png", box=(0, 0, 10, 10))  # of two/b, the other one has its own
    mask(tmp_path / "masks/one/b_gt.png", box=(0, 0, 20, 10))
    mask(tmp_path / "masks/one/c.png")
    mask(tmp_path / "masks/two/c.png", box=(0, 0, 3, 3))
    mask(tmp_path / "masks/d_mask.png")
    entries, findings = prepared(tmp_path)
    areas = {name: area(entry) for name, entry in entries.items()}
    assert areas == {"one/b.png": 200, "two/b.png": 100, "one/c.png": 70, "two/c.png": 9, "d.png": 70}
    assert findings == {
        f"{name}": "skipped: one mask for several images" for name in ("one/a.png", "two/a.jpg", "three/a.png")
    }


def test_a_mask_beside_its_image_is_not_borrowed(tmp_path):
    for name in ("a.png", "sub/a.png", "sub/b.png", "a_gt.png", "sub/b_gt.png"):
        (mask if "gt" in name else image_file)(tmp_path / "images" / name)
    entries, findings = prepared(tmp_path)
    assert set(entries) == {"a.png", "sub/b.png"} and findings == {"sub/a.png": "skipped: no mask"}


def test_nothing_is_written_where_one_mask_is_all_there_is_for_two_images(tmp_path):
    for name in ("images/one/a.png", "images/two/a.png"):
        image_file(tmp_path / name)
    mask(tmp_path / "masks/a.png")
    with pytest.raises(UserError, match="a.png would have to serve one/a.png and two/a.png; give each a mask of its"):
        prepared(tmp_path)
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["annotations"]


@pytest.mark.parametrize("ending", ["_GT", "_gt", "_Gt", "_MASK", "_Mask"])
@pytest.mark.parametrize("beside_images", [True, False])
def test_endings_of_masks_in_any_case(tmp_path, ending, beside_images):
    image_file(tmp_path / "images/a.JPG")
    mask(tmp_path / ("images" if beside_images else "masks") / f"a{ending}.PNG")
    entries, findings = prepared(tmp_path)
    assert set(entries) == {"a.JPG"} and findings == {}


def test_several_masks_of_one_image_are_joined_if_asked(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        image_file(tmp_path / "images" / name)
    mask(tmp_path / "masks/a_mask_1.png", box=(0, 0, 10, 10))
    mask(tmp_path / "masks/a_mask_2.png", box=(5, 0, 15, 10))
    mask(tmp_path / "masks/b.png", box=None)
    mask(tmp_path / "masks/b_gt.png", size=(60, 40), box=(0, 0, 2, 2))
    mask(tmp_path / "masks/c.png")
    entries, findings = prepared(tmp_path)
    assert set(entries) == {"c.png"} and set(findings.values()) == {"skipped: several masks"}
    entries, findings = prepared(tmp_path, "--masks", "union")
    assert {name: area(entry) for name, entry in entries.items()} == {"a.png": 150, "b.png": 1, "c.png": 70}
    assert findings["a.png"] == "noted: masks joined"
    with pytest.raises(UserError, match="--masks .*masks elsewhere: one folder"):
        prepared(tmp_path, "--masks", "elsewhere")


def test_masks_beside_are_joined_too(tmp_path):
    for name in ("a.png", "a_gt.png", "a_mask.png"):
        (image_file if name == "a.png" else mask)(tmp_path / "images" / name)
    with pytest.raises(UserError, match="a_gt.png, a_mask.png: keep one, or join them with --masks union"):
        prepared(tmp_path)
    assert set(prepared(tmp_path, "--masks", "union")[0]) == {"a.png"}
