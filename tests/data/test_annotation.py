"""Masks to instances, against pycocotools and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from skimage.measure import label

from constrained_rcnn.data import annotation as module
from constrained_rcnn.data.annotation import annotate, complete_mask, rle, small_region_area

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools


def decode(annotation) -> np.ndarray:
    return coco_mask.decode(annotation["segmentation"]).astype(bool)


def blobs(seed: int, shape=(60, 83), share=0.4) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < share


@pytest.mark.parametrize("seed", range(6))
def test_regions_are_those_of_scikit_image(seed):
    mask = blobs(seed, share=(0.1, 0.3, 0.5, 0.7, 0.9, 1.0)[seed])
    labels, count = label(mask, connectivity=2, return_num=True)
    annotations = annotate({"splice": mask}, min_area=1)
    assert len(annotations) == count
    expected = {(labels == number).tobytes() for number in range(1, count + 1)}
    assert {decode(annotation).tobytes() for annotation in annotations} == expected
    for annotation in annotations:
        rows, columns = np.nonzero(decode(annotation))
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert annotation["bbox"] == box and annotation["area"] == len(rows)
        assert annotation["bbox"] == list(coco_mask.toBbox(annotation["segmentation"]))
        assert annotation["iscrowd"] == 0


@pytest.mark.parametrize("seed", range(20))
def test_shifted_runs_are_what_pycocotools_encodes(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 12, 2)
    y, x = rng.integers(0, height), rng.integers(0, width)
    h, w = rng.integers(1, height - y + 1), rng.integers(1, width - x + 1)
    full = np.zeros((height, width), bool)
    full[y : y + h, x : x + w] = rng.random((h, w)) < rng.choice([0.5, 1.0])
    expected = coco_mask.encode(np.asfortranarray(full.astype(np.uint8)))["counts"].decode()
    encoded = rle(full[y : y + h, x : x + w], int(x), int(y), (int(height), int(width)))
    assert encoded == {"size": [height, width], "counts": expected}


def test_corners_touch_and_holes_stay():
    mask = np.zeros((40, 40), bool)
    mask[5:15, 5:15] = True
    mask[15:25, 15:25] = True  # touches at a corner only
    mask[8:12, 8:12] = False  # hole
    (annotation,) = annotate({"splice": mask})
    np.testing.assert_array_equal(decode(annotation), mask)
    assert annotation["area"] == 184 and annotation["bbox"] == [5, 5, 20, 20]


def test_small_regions_are_no_instances_but_stay_in_the_complete_mask():
    mask = np.zeros((100, 200), bool)
    mask[10:30, 10:30] = True
    mask[50:54, 50:56] = True  # 24 pixels
    mask[70:75, 70:75] = True  # 25 pixels
    assert small_region_area(100, 200) == 25
    assert [annotation["area"] for annotation in annotate({"splice": mask})] == [400, 25]
    assert complete_mask({"splice": mask}).sum() == 449
    # Far larger images have a larger bound: a ten thousandth of the pixels.
    assert small_region_area(3744, 5616) == 2103


def test_nothing_but_small_regions_gives_the_largest():
    mask = np.zeros((50, 50), bool)
    mask[3, 3] = mask[20:22, 20:22] = mask[40, 40:43] = True
    (annotation,) = annotate({"removal": mask})
    assert annotation["bbox"] == [20, 20, 2, 2] and annotation["category"] == "removal"


def test_touching_regions_of_different_techniques_stay_apart():
    left, right = np.zeros((20, 40), bool), np.zeros((20, 40), bool)
    left[:, :20], right[:, 20:] = True, True
    annotations = annotate({"splice": left, "removal": right})
    assert [(a["category"], a["bbox"]) for a in annotations] == [
        ("splice", [0, 0, 20, 20]),
        ("removal", [20, 0, 20, 20]),
    ]
    assert complete_mask({"splice": left, "removal": right}).all()


def test_empty_full_and_wrong():
    empty = np.zeros((9, 9), bool)
    assert annotate({"splice": empty}) == [] and annotate({}) == []
    (annotation,) = annotate({"splice": ~empty})
    assert annotation["bbox"] == [0, 0, 9, 9] and decode(annotation).all()
    with pytest.raises(ValueError, match="one shape"):
        annotate({"splice": empty, "removal": np.zeros((9, 8), bool)})
    with pytest.raises(ValueError, match="bool"):
        annotate({"splice": empty.astype(np.uint8)})


def test_order_is_from_top_to_bottom():
    mask = np.zeros((60, 60), bool)
    for y, x in ((40, 0), (0, 40), (0, 0), (20, 20)):
        mask[y : y + 6, x : x + 6] = True
    assert [a["bbox"][:2] for a in annotate({"splice": mask})] == [[0, 0], [40, 0], [20, 20], [0, 40]]


def test_the_regions_of_a_nist16_probe_are_encoded_without_the_rest_of_it(monkeypatch):
    mask = np.zeros((3744, 5616), bool)
    mask[::200] = False
    for y in range(0, 3700, 200):
        for x in range(0, 5600, 200):
            mask[y : y + 90, x : x + 90] = True
    sizes = []
    monkeypatch.setattr(module, "rle", lambda crop, *place: sizes.append(crop.shape) or rle(crop, *place))
    monkeypatch.setattr(module.coco_mask, "encode", lambda *_: pytest.fail("encoded as a whole"))
    # pycocotools alone takes 19 * 28 encodings of 21 megapixels each.
    assert len(annotate({"splice": mask})) == 19 * 28 and set(sizes) == {(90, 90)}
