"""Masks of a folder that are inverted, of other values, or of another size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from constrained_rcnn.utils.errors import UserError
from tests.helpers.folder_sets import area, prepared
from tests.helpers.images import image_file, mask


def inverted(path: Path, box=(5, 5, 15, 12)) -> None:
    from PIL import ImageOps

    with Image.open(mask(path, box=box)) as image:
        ImageOps.invert(image).save(path)


def test_inverted_masks_are_noticed_and_can_be_turned(tmp_path, caplog):
    for name in "abc":
        image_file(tmp_path / f"images/{name}.png", value=40)
        inverted(tmp_path / f"masks/{name}.png", box=(5, 5, 15, 12))
    entries, findings = prepared(tmp_path)
    assert findings["x"] == "noted: masks inverted?" and "3 of 3 masks" in caplog.text and "--invert" in caplog.text
    assert {findings[f"{name}.png"] for name in "abc"} == {"noted: mostly manipulated"}
    assert {area(entry) for entry in entries.values()} == {20 * 30 - 70}
    caplog.clear()
    entries, findings = prepared(tmp_path, "--invert")
    assert findings == {} and not caplog.text and {area(entry) for entry in entries.values()} == {70}


def test_one_large_forgery_among_others_is_not_called_inverted(tmp_path):
    for name in "abc":
        image_file(tmp_path / f"images/{name}.png", value=40)
        mask(tmp_path / f"masks/{name}.png", box=(0, 0, 30, 16) if name == "a" else (5, 5, 15, 12))
    _, findings = prepared(tmp_path)
    assert findings == {"a.png": "noted: mostly manipulated"}


def test_masks_of_other_values_are_named_and_can_be_said(tmp_path):
    for name in "ab":
        image_file(tmp_path / f"images/{name}.png")
        Image.open(mask(tmp_path / f"masks/{name}.png")).point(lambda level: level // 255).save(
            tmp_path / f"masks/{name}.png"
        )
    with pytest.raises(UserError, match=r"not written.*its values are 0 \(88.3%\), 1 .*--mask-values 1 .*--invert"):
        prepared(tmp_path)
    with pytest.raises(UserError, match="--mask-values 1"):  # they are not black all over
        prepared(tmp_path, "--empty-is-authentic")
    entries, findings = prepared(tmp_path, "--mask-values", "1")
    assert findings == {} and {area(entry) for entry in entries.values()} == {70}
    with pytest.raises(UserError, match="--mask-values one: 'one' is neither"):
        prepared(tmp_path, "--mask-values", "one")


def test_with_values_said_a_mask_without_them_may_be_empty(tmp_path):
    for name, level in (("a", 2), ("b", 1)):
        image_file(tmp_path / f"images/{name}.png")
        image = Image.new("L", (30, 20))
        image.paste(level, (5, 5, 15, 12))
        (tmp_path / "masks").mkdir(exist_ok=True)
        image.save(tmp_path / f"masks/{name}.png")
    entries, _ = prepared(tmp_path, "--mask-values", "1", "--empty-is-authentic")
    assert entries["a.png"]["authentic"] and area(entries["b.png"]) == 70


def test_nearly_fitting_masks(tmp_path):
    for name, size in (("a", (31, 20)), ("b", (27, 22)), ("c", (30, 20))):
        image_file(tmp_path / f"images/{name}.png", size)
        mask(tmp_path / f"masks/{name}.png")
    entries, findings = prepared(tmp_path)
    assert set(entries) == {"c.png"} and findings == {f"{name}.png": "skipped: no ground truth" for name in "ab"}
    entries, findings = prepared(tmp_path, "--fit-masks", 1)
    assert set(entries) == {"a.png", "c.png"} and findings["a.png"] == "repaired: mask size"
    entries, findings = prepared(tmp_path, "--fit-masks", 3)
    assert set(entries) == {"a.png", "b.png", "c.png"} and findings["b.png"] == "repaired: mask size"
    report = json.loads((tmp_path / "out/annotations/x_report.json").read_text())
    assert "resampled from 30x20 to 27x22, 3 pixels off" in str(report["findings"])
