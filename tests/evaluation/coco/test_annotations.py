"""COCO ground truth files that pycocotools accepts."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import numpy as np
import pycocotools.mask as rle_tools
import pytest
from pycocotools.coco import COCO

from constrained_rcnn.evaluation.coco.annotations import XYWH_ABS, XYXY_ABS, write_coco_ground_truth

NAMES = ("splice", "copy-move", "removal")
MASK = np.zeros((20, 30), np.uint8)
MASK[2:6, 3:10] = 1


def item(image_id, annotations):
    return {
        "file_name": f"/far/{image_id}.png",
        "image_id": image_id,
        "height": 20,
        "width": 30,
        "annotations": annotations,
    }


def box(**keys):
    return {"bbox": [3.0, 2.0, 7.0, 4.0], "bbox_mode": XYWH_ABS, "category_id": 1, "iscrowd": 0} | keys


def load(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_masks_in_every_form_and_both_box_modes(tmp_path):
    compressed = rle_tools.encode(np.asfortranarray(MASK))
    counts = np.diff(np.flatnonzero(np.diff(MASK.T.ravel(), prepend=1 - MASK[0, 0], append=2)))
    forms = [
        compressed,
        compressed | {"counts": compressed["counts"].decode()},
        {"size": [20, 30], "counts": counts.tolist()},
        [[3, 2, 10, 2, 10, 6, 3, 6]],
    ]
    annotations = [box(segmentation=form) for form in forms]
    annotations.append(box(segmentation=forms[0], bbox=[3, 2, 10, 6], bbox_mode=XYXY_ABS))
    path = tmp_path / "folder" / "truth.json"
    assert write_coco_ground_truth([item(7, annotations), item(9, [])], NAMES, path) == ("bbox", "segm")
    coco = load(path)
    assert sorted(coco.imgs) == [7, 9] and coco.cats[2]["name"] == "copy-move"
    assert len(coco.anns) == len(annotations) and 0 not in coco.anns
    for annotation in coco.anns.values():
        assert annotation["category_id"] == 2 and annotation["bbox"] == [3, 2, 7, 4]
        assert annotation["area"] == MASK.sum() and np.array_equal(coco.annToMask(annotation), MASK)
    assert isinstance(compressed["counts"], bytes)  # the dataset's own dict is left alone


def test_boxes_only_and_empty(tmp_path):
    path = tmp_path / "truth.json"
    assert write_coco_ground_truth([item(1, [box()])], NAMES, path) == ("bbox",)
    assert load(path).anns[1]["area"] == 28
    assert write_coco_ground_truth([item(1, [])], NAMES, path) == ("bbox", "segm")
    assert load(path).anns == {}  # the key is there: pycocotools fails without it
    assert [file.name for file in tmp_path.iterdir()] == ["truth.json"]


@pytest.mark.parametrize("keys, words", [({"category_id": 3}, "3 classes"), ({"bbox_mode": 4}, "box mode 4")])
def test_bad_annotations_name_the_image(tmp_path, keys, words):
    with pytest.raises(ValueError) as error:
        write_coco_ground_truth([item(5, [box(**keys)])], NAMES, tmp_path / "truth.json")
    assert "5.png" in str(error.value) and words in str(error.value)
    assert not list(tmp_path.iterdir())


def test_metrics_and_baselines_load_neither_torch_nor_detectron2():
    code = (
        "import sys; from constrained_rcnn.data import lookup; "
        "from constrained_rcnn.evaluation import baselines, table; "
        "from constrained_rcnn.evaluation.coco import annotations; "
        "from constrained_rcnn.evaluation.metrics import image, pixel, records, summary; "
    )
    code += "print({'torch', 'detectron2'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
