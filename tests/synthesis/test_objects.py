"""Regions from COCO instances: every form of a segmentation, and clear words for what cannot be used."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from constrained_rcnn.synthesis import camera, synthesize
from constrained_rcnn.synthesis.objects import ObjectAnnotations, decode, in_view
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import running

SIZE = (120, 160)


def _disc(x, y, radius):
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, (x, y), radius, 1, -1)
    return mask.astype(bool)


def _compressed(mask):
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(rle["size"]), "counts": rle["counts"].decode()}


def _runs(mask):
    flat = np.r_[0, mask.T.ravel().astype(int), 0]
    steps = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.r_[0, steps, mask.size]).tolist()
    return {"size": list(mask.shape), "counts": counts}


def _write(path, images, rows):
    """``images``: file names; ``rows``: (image index, segmentation)."""
    content = {
        "images": [{"id": i + 7, "file_name": n, "height": SIZE[0], "width": SIZE[1]} for i, n in enumerate(images)],
        "annotations": [
            {"id": k, "image_id": i + 7, "category_id": 3, "iscrowd": 0, "segmentation": s}
            for k, (i, s) in enumerate(rows)
        ],
        "categories": [{"id": 3, "name": "kite"}],
    }
    path.write_text(json.dumps(content))
    return path


def test_all_forms_of_a_segmentation():
    disc = _disc(60, 50, 30)
    assert (decode(_compressed(disc), SIZE) == disc).all()
    assert (decode(_runs(disc), SIZE) == disc).all()
    box = decode([[10, 20, 50, 20, 50, 40, 10, 40], [100, 100, 120, 100, 120, 110, 100, 110]], SIZE)
    expected = np.zeros(SIZE, bool)
    expected[20:40, 10:50] = expected[100:110, 100:120] = True
    assert (box == expected).all()


@pytest.mark.parametrize(
    "segmentation",
    [
        None, [], [[1, 2, 3]], [[1, 2, 3, 4, 5, float("nan")]], "text", {"size": [3, 3], "counts": "1"},
        {"size": list(SIZE), "counts": [5, 10**9]}, {"size": list(SIZE), "counts": "zzzz"}, {"size": list(SIZE)},
        {"size": list(SIZE), "counts": "PPYo0"}, {"size": list(SIZE), "counts": [-1, SIZE[0] * SIZE[1] + 1]},
    ],
)  # fmt: skip
def test_damaged_segmentations_are_refused(segmentation):
    with pytest.raises(ValueError):
        decode(segmentation, SIZE)


def test_an_object_goes_through_the_view_with_its_photo():
    """A white disc on black is where its mask is after cropping, mirroring and resizing."""
    disc = _disc(60, 50, 30)
    photo = np.where(disc, 255, 0).astype(np.uint8)[:, :, None].repeat(3, 2)
    history = camera.History("RGGB", True, 0.01, scale=0.7)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        view = camera.draw_view(photo.shape, (90, 100), history, rng)
        image = camera.photograph(photo, (90, 100), history, rng, view)
        visible = in_view([disc], view, (90, 100))
        if visible:
            white = image[:, :, 1] > 127
            assert (visible[0] & white).sum() / (visible[0] | white).sum() > 0.95
        else:
            assert view.cut(disc).sum() < 0.6 * disc.sum()


@pytest.mark.parametrize("technique", ["copy-move", "removal", "splice"])
def test_regions_are_the_objects(technique):
    photos = [render_scene(seed, SIZE) for seed in range(3)]
    discs = [[_disc(80, 60, 22)], [_disc(80, 60, 20)], []]
    annotated = 0
    for seed in range(6):
        forgery = synthesize(photos, np.random.default_rng(seed), techniques=[technique], size=SIZE, objects=discs)
        for (_, mask), step in zip(forgery.regions, forgery.description["steps"]):
            if step["annotated"] and mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum() == 0:
                outline = cv2.findContours(mask.astype(np.uint8), 0, 2)[0][0]
                (_, _), radius = cv2.minEnclosingCircle(outline)
                assert mask.sum() > 0.85 * np.pi * radius**2  # a disc stays one, turned and scaled
                annotated += 1
            if technique == "splice" and step["annotated"]:
                assert step["donor"] == 1, "the donor without objects was used"
    assert annotated >= 2


def test_command_lists_what_cannot_be_used(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for seed in range(4):
        Image.fromarray(render_scene(seed, SIZE)).save(tmp_path / "in" / f"{seed}.png")
    (tmp_path / "in" / "broken.png").write_text("no image")
    small = np.zeros((10, 10), bool)
    annotations = _write(
        tmp_path / "a.json",
        ["0.png", "sub/1.png", "gone.png", "2.png", "broken.png"],
        [(0, _compressed(_disc(80, 60, 25))), (1, _runs(_disc(60, 60, 25))), (3, _compressed(small)), (3, None)],
    )
    arguments = ["--images", str(tmp_path / "in"), "--annotations", str(annotations), "--output"]
    options = ["--count", "8", "--size", "96x128"]
    assert running("synthesize")([*arguments, str(tmp_path / "o"), *options]) == 0
    out = capsys.readouterr().out
    for words in ("gone.png: annotated", "2.png: annotation 2", "2.png: annotation 3", "broken.png: not an image"):
        assert words in out
    content = json.loads((tmp_path / "o/annotations/train.json").read_text())
    forged = [image for image in content["images"] if not image["authentic"]]
    steps = [image["made"]["steps"][0] for image in forged if image["source"] in ("0.png", "1.png")]
    assert any(step["annotated"] for step in steps)
    # The same files with other objects are another set.
    _write(annotations, ["0.png"], [(0, _compressed(_disc(80, 60, 26)))])
    assert running("synthesize")([*arguments, str(tmp_path / "o"), *options]) == 2
    assert "another set" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"images": []}', '{"images": 3, "annotations": [], "categories": []}']
)
def test_bad_annotation_files_are_one_line(content, tmp_path):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="a.json"):
        ObjectAnnotations(path)


def test_photo_of_another_size_is_said(tmp_path):
    annotations = ObjectAnnotations(_write(tmp_path / "a.json", ["0.png"], [(0, _compressed(_disc(80, 60, 25)))]))
    assert len(annotations.objects("0.png", SIZE)[0]) == 1
    outlined, problems = annotations.objects("0.png", SIZE[::-1])
    assert not outlined and "160x120" in problems[0]
