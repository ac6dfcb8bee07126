"""The annotation format: written, read, and every contradiction in it found."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from constrained_rcnn.data import annotation_format
from constrained_rcnn.data.annotation import annotate
from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.utils.errors import UserError


def images_and_annotations():
    mask = np.zeros((30, 50), bool)
    mask[5:15, 10:30] = mask[20:28, 40:48] = True
    images = [
        {
            "id": 1,
            "file_name": "Au/a.jpg",
            "height": 30,
            "width": 50,
            "authentic": True,
            "technique": "authentic",
            "mask_file": None,
            "group": "g",
        },
        {
            "id": 2,
            "file_name": "Sp/b.jpg",
            "height": 30,
            "width": 50,
            "authentic": False,
            "technique": "copy-move",
            "mask_file": "masks/b.png",
            "group": "g",
        },
        {
            "id": 3,
            "file_name": "Sp/c.jpg",
            "height": 9,
            "width": 9,
            "authentic": False,
            "technique": "removal",
            "mask_file": None,
            "group": "c",
        },
    ]
    rows = [{"id": i, "image_id": 2, **row} for i, row in enumerate(annotate({"copy-move": mask}), start=1)]
    rows.append({"id": 3, "image_id": 3, "category": "removal", "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 0})
    return images, rows


@pytest.fixture
def prepared(tmp_path):
    images, annotations = images_and_annotations()
    path = tmp_path / "annotations" / "set.json"
    annotation_format.write(path, images, annotations, classes=TECHNIQUES)
    return path


def test_there_and_back(prepared, tmp_path):
    authentic, forged, boxes = annotation_format.load(prepared)
    assert authentic["annotations"] == [] and authentic["mask_file_name"] is None and authentic["authentic"]
    assert forged["file_name"] == str(tmp_path / "Sp/b.jpg")
    assert forged["mask_file_name"] == str(tmp_path / "masks/b.png")
    assert [entry["category_id"] for entry in forged["annotations"]] == [1, 1]
    assert [entry["bbox"] for entry in forged["annotations"]] == [[10, 5, 20, 10], [40, 20, 8, 8]]
    assert all(
        entry["bbox_mode"] == 1 and isinstance(entry["segmentation"]["counts"], str) for entry in forged["annotations"]
    )
    assert "segmentation" not in boxes["annotations"][0] and boxes["annotations"][0]["category_id"] == 2
    assert (boxes["technique"], boxes["group"], boxes["height"], boxes["width"], boxes["image_id"]) == (
        "removal",
        "c",
        9,
        9,
        3,
    )


def test_coco_tools_open_it(prepared):
    coco = COCO(str(prepared))
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list(TECHNIQUES)
    (first, second) = coco.loadAnns(coco.getAnnIds(imgIds=2))
    assert coco.annToMask(first).sum() == first["area"] == 200
    assert coco.getAnnIds(imgIds=1) == []


def test_image_root_by_the_file_and_by_the_caller(prepared, tmp_path, monkeypatch):
    images, annotations = images_and_annotations()
    annotation_format.write(prepared, images, annotations, classes=TECHNIQUES, image_root=str(tmp_path / "elsewhere"))
    assert annotation_format.load(prepared)[0]["file_name"] == str(tmp_path / "elsewhere/Au/a.jpg")
    monkeypatch.chdir(tmp_path)
    loaded = annotation_format.load("annotations/set.json", "here")
    assert loaded[1]["file_name"] == str(tmp_path / "here/Sp/b.jpg")
    assert loaded[1]["mask_file_name"] == str(tmp_path / "masks/b.png")


def test_classes_of_a_set():
    assert annotation_format.class_names(["splice", "authentic"]) == TECHNIQUES
    assert annotation_format.class_names([]) == TECHNIQUES
    assert annotation_format.class_names(["splice", "tampered"]) == ("tampered",)


def spoil(content: dict, path: str, value) -> dict:
    content = copy.deepcopy(content)
    part, *keys = path.split("/")
    target = content[part]
    for key in keys[:-1]:
        target = target[int(key)]
    if value is None:
        del target[keys[-1]]
    else:
        target[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    "path, value, words",
    [
        ("images/1/group", None, "Sp/b.jpg: no 'group'"),
        ("images/1/id", 1, "image id 1 twice"),
        ("images/1/technique", "blur", "unknown technique 'blur'"),
        ("images/1/authentic", True, "authentic is True but technique 'copy-move'"),
        ("images/0/mask_file", "m.png", "authentic, but with a ground-truth mask"),
        ("images/1/width", 0, "size 0x30"),
        ("annotations/0/bbox", None, "annotation 1: no 'bbox'"),
        ("annotations/0/bbox", [40, 5, 20, 10], "outside of 50x30"),
        ("annotations/0/bbox", [4, 5, 0, 10], "outside of 50x30"),
        ("annotations/0/image_id", 77, "belongs to no image"),
        ("annotations/0/image_id", 1, "belongs to the authentic image"),
        ("annotations/0/category_id", 4, "unknown category 4"),
        ("annotations/0/segmentation", {"size": [50, 30], "counts": "x"}, "not of the image's size"),
    ],
)
def test_contradictions_are_named(prepared, path, value, words):
    prepared.write_text(json.dumps(spoil(json.loads(prepared.read_text()), path, value)))
    with pytest.raises(UserError, match=words) as error:
        annotation_format.load(prepared)
    assert "set.json" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, words",
    [
        (None, "no such annotation file"),
        ("{", "cannot be read as JSON"),
        ("[]", "no 'info'"),
        ('{"info": {}}', "no 'categories'"),
    ],
)
def test_files_of_another_form(tmp_path, text, words):
    if text:
        (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=words):
        annotation_format.load(tmp_path / "a.json")
