"""Counting over a dataset what comparing images finds."""

import json

import cv2
import numpy as np
import pytest
from skimage import data

from constrained_rcnn.data.annotation_format import load
from constrained_rcnn.evaluation.image_comparison import evaluate_comparison
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import prepare_set, run
from tests.helpers.copied import photo


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A splice, its background and its source in one group; another splice in a group of which nothing is there."""
    root = tmp_path_factory.mktemp("set")
    for name in ("images", "masks", "authentic"):
        (root / name).mkdir()
    original, donor = photo(), np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    spliced, mask = original.copy(), np.zeros(original.shape[:2], np.uint8)
    spliced[200:360, 40:160] = cv2.resize(donor[20:220, 150:300], (120, 160), interpolation=cv2.INTER_AREA)
    mask[200:360, 40:160] = 255
    cv2.imwrite(str(root / "images" / "splice.png"), spliced)
    cv2.imwrite(str(root / "masks" / "splice.png"), mask)
    cv2.imwrite(str(root / "images" / "alone.png"), data.chelsea()[:, :, ::-1])
    lone_mask = np.zeros(data.chelsea().shape[:2], np.uint8)
    lone_mask[50:100, 50:100] = 255
    cv2.imwrite(str(root / "masks" / "alone.png"), lone_mask)
    cv2.imwrite(str(root / "authentic" / "background.png"), original)
    cv2.imwrite(str(root / "authentic" / "donor.png"), donor)
    path = prepare_set(root, "image,technique\nsplice.png,splice\nalone.png,splice\n")
    content = json.loads(path.read_text())
    for image in content["images"]:
        image["group"] = "alone" if "alone" in image["file_name"] else "one"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("change", [{}, {"scale": 0.7, "quality": 85}])
def test_numbers(prepared, change):
    results = evaluate_comparison(load(prepared), **change)
    assert (results["original_found"]["number"], results["original_found"]["mean"]) == (2, 0.5)
    assert (results["source_found"]["number"], results["source_found"]["mean"]) == (2, 0.5)
    assert results["altered_iou"]["number"] == 1 and 0.8 < results["altered_iou"]["mean"] < 1
    assert (results["false_pairs"]["number"], results["false_pairs"]["mean"]) == (2, 0.0)


def test_groups_that_are_wrong_make_false_pairs(prepared):
    items = [dict(item, group=str(number)) for number, item in enumerate(load(prepared))]
    results = evaluate_comparison(items)
    assert results["original_found"]["mean"] == 0 and np.isnan(results["altered_iou"]["mean"])
    assert (results["false_pairs"]["number"], results["false_pairs"]["mean"]) == (4, 0.5)


def test_the_command(prepared, tmp_path):
    completed = run(
        "tools/evaluate_comparison.py", "--dataset", prepared, "--output", tmp_path / "out.json", cwd=tmp_path
    )
    assert completed.returncode == 0, completed.stderr
    assert "versions of one image" in completed.stdout and "50.00" in completed.stdout
    assert json.loads((tmp_path / "out.json").read_text())["original_found"]["mean"] == 0.5


def test_a_dataset_without_groups_or_authentic_images_is_refused(prepared):
    items = load(prepared)
    with pytest.raises(UserError, match="group"):
        evaluate_comparison([{**item, "group": None} for item in items])
    with pytest.raises(UserError, match="tampered and authentic"):
        evaluate_comparison([item for item in items if not item.get("authentic")])
