"""Counting duplicated regions over a dataset."""

import json

import cv2
import numpy as np
import pytest

from constrained_rcnn.data.annotation_format import load
from constrained_rcnn.evaluation.copy_move import copy_move_table, evaluate_copy_move
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import prepare_set, run
from tests.helpers.copied import forged, photo


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two copy-moves, of one of which the mask is elsewhere, and an authentic image; maps that mark the copies."""
    root = tmp_path_factory.mktemp("set")
    for name in ("images", "masks", "authentic", "maps"):
        (root / name).mkdir()
    image, mask = forged(photo())
    elsewhere = np.zeros_like(mask)
    elsewhere[10:60, 500:560] = True
    for name, truth in (("right", mask), ("elsewhere", elsewhere)):
        cv2.imwrite(str(root / "images" / f"{name}.png"), image)
        cv2.imwrite(str(root / "masks" / f"{name}.png"), truth.astype(np.uint8) * 255)
        np.save(root / "maps" / f"{name}.npy", mask.astype(np.float32))
    cv2.imwrite(str(root / "authentic" / "plain.png"), photo())
    np.save(root / "maps" / "plain.npy", np.zeros(mask.shape, np.float32))
    prepare_set(root, "image,technique\nright.png,copy-move\nelsewhere.png,copy-move\n")
    return root


def test_numbers(prepared):
    results = evaluate_copy_move(load(prepared / "annotations/set.json"))
    assert results["copy-move"]["images"] == 2 and results["copy-move"]["found"] == 1.0
    assert results["copy-move"]["in_place"] == 0.5  # the other's mask is elsewhere
    assert results["authentic"]["found"] == 0.0 and np.isnan(results["authentic"]["in_place"])
    assert "pairs" not in results["copy-move"] and "copy told" not in copy_move_table(results)


@pytest.mark.parametrize(("inverted", "right"), [(False, 1.0), (True, 0.0)])
def test_the_map_tells_the_copy_rightly_or_wrongly(prepared, tmp_path, inverted, right):
    for path in (prepared / "maps").glob("*.npy"):
        marked = np.load(path)
        white = np.uint8(255) * (marked < 0.5 if inverted else marked > 0.5)
        cv2.imwrite(str(tmp_path / f"{path.stem}.png"), white)
    results = evaluate_copy_move(load(prepared / "annotations/set.json"), tmp_path)
    result = results["copy-move"]
    assert (result["pairs"], result["told"], result["right"]) == (1, 1.0, right)
    assert results["authentic"]["pairs"] == 0 and "rightly" in copy_move_table(results)


def test_a_map_of_another_size_or_none_is_an_error(prepared, tmp_path):
    items = load(prepared / "annotations/set.json")
    np.save(tmp_path / "right.npy", np.zeros((5, 5), np.float32))
    for name in ("elsewhere", "plain"):
        np.save(tmp_path / f"{name}.npy", np.zeros((400, 600), np.float32))
    with pytest.raises(UserError, match=r"right.npy: .*5, 5.* pixels"):
        evaluate_copy_move(items, tmp_path)
    (tmp_path / "right.npy").unlink()
    with pytest.raises(UserError, match="right.png: no map"):
        evaluate_copy_move(items, tmp_path)


def test_the_command(prepared, tmp_path):
    completed = run(
        "tools/evaluate_repeats.py", "--dataset", prepared / "annotations/set.json", "--maps", prepared / "maps",
        "--output", tmp_path / "n", cwd=tmp_path,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr
    assert "| copy-move |" in completed.stdout and "100.00" in completed.stdout
    results = json.loads((tmp_path / "n").read_text())
    assert results["copy-move"]["right"] == 1.0 and results["authentic"]["in_place"] is None
