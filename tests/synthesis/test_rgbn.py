"""RGB-N's recipe: where the object comes to stand, what is blurred, and lists that the converter reads."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from constrained_rcnn.images.reading import read_image
from constrained_rcnn.preparation.sources import coco_synthetic
from constrained_rcnn.synthesis import synthesize
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import running

BACKGROUND, DONOR = render_scene(1, (120, 200)), render_scene(2, (240, 100))


def _object():
    mask = np.zeros(DONOR.shape[:2], bool)
    mask[60:120, 20:60] = True
    return mask


def test_object_stands_where_the_resized_donor_shows_it():
    forgery = synthesize(
        [BACKGROUND, DONOR], np.random.default_rng(0), "rgbn", ["splice"], objects=[(), [_object()]]
    )  # fmt: skip
    assert forgery.mask.shape == (120, 200)
    rows, columns = np.nonzero(forgery.mask)
    # Donor 240 x 100 to 120 x 200: rows by a half, columns by two.
    assert abs(rows.min() - 30) <= 1 and abs(rows.max() - 59) <= 1
    assert abs(columns.min() - 40) <= 2 and abs(columns.max() - 119) <= 2
    resized = np.array(Image.fromarray(DONOR).resize((200, 120), Image.Resampling.LANCZOS)).astype(int)
    inner = np.s_[34:56, 46:114]
    assert np.abs(forgery.before[inner].astype(int) - resized[inner]).max() <= 1
    assert (forgery.before[~forgery.mask] == BACKGROUND[~forgery.mask]).all()


def test_two_thirds_are_blurred_and_their_counterparts_too():
    forgeries = [
        synthesize([BACKGROUND, DONOR], np.random.default_rng(s), "rgbn", ["splice"], objects=[(), [_object()]])
        for s in range(90)
    ]
    blurred = [forgery.blur > 0 for forgery in forgeries]
    assert abs(np.mean(blurred) - 2 / 3) < 3 * np.sqrt(2 / 9 / 90)
    for forgery in (forgeries[blurred.index(True)], forgeries[blurred.index(False)]):
        assert (forgery.image == forgery.before).all() == (forgery.blur == 0)
        assert (forgery.authentic == BACKGROUND).all() == (forgery.blur == 0)


def test_other_techniques_are_refused(capsys, tmp_path):
    with pytest.raises(UserError, match="splices only"):
        synthesize([BACKGROUND, DONOR], np.random.default_rng(0), "rgbn", ["removal"])
    options = ["--demo", "--output", str(tmp_path), "--count", "1", "--preset", "rgbn", "--technique", "removal"]
    assert running("synthesize")(options) == 2 and "splices only" in capsys.readouterr().err


def test_lists_are_read_by_the_converter_of_the_released_set(tmp_path, capsys):
    images, rows = [], []
    (tmp_path / "in").mkdir()
    for i in range(8):
        size = (150, 190) if i % 2 else (190, 150)
        name = f"COCO_train2014_{i + 40:012}.png"
        Image.fromarray(render_scene(i, size)).save(tmp_path / "in" / name)
        images.append({"id": i + 40, "file_name": name, "height": size[0], "width": size[1]})
        mask = np.zeros(size, np.uint8)
        mask[40 : 90 + i, 30:80] = 1
        rle = coco_mask.encode(np.asfortranarray(mask))
        rle = {"size": list(size), "counts": rle["counts"].decode()}
        rows.append({"id": i, "image_id": i + 40, "category_id": 1 + i // 4, "iscrowd": 0, "segmentation": rle})
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "hair drier"}]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": categories}))
    assert running("synthesize")([
        "--images", str(tmp_path / "in"), "--annotations", str(tmp_path / "a.json"), "--output", str(tmp_path / "o"),
        "--count", "10", "--preset", "rgbn", "--rgbn-lists", str(tmp_path / "rgbn"), "--seed", "4",
        "--contact-sheet", str(tmp_path / "sheet.jpg"),
    ]) == 0  # fmt: skip
    assert read_image(tmp_path / "sheet_splice.jpg").size > 0
    truth = json.loads((tmp_path / "o/annotations/train.json").read_text())
    forged = [image for image in truth["images"] if not image["authentic"]]
    boxes = {row["image_id"]: row["bbox"] for row in truth["annotations"]}
    layout = coco_synthetic.find_layout(tmp_path / "rgbn")
    scan = coco_synthetic.scan(layout)
    assert not scan.findings
    listed_samples = [sample for sample in scan.samples if sample.image.name.startswith("Tp_")]
    assert listed_samples and len(listed_samples) == len({s.image.name for s in listed_samples}) <= len(forged)
    lines = (tmp_path / "rgbn/train_filter_single.txt").read_text().splitlines()
    tampered = {tuple(map(int, line.split()[1:5])) for line in lines if line.endswith("tamper")}
    expected = {(x + 1, y + 1, x + w, y + h) for x, y, w, h in (boxes[image["id"]] for image in forged)}
    assert tampered == expected
    for image in forged:
        step = image["made"]["steps"][0]
        # The object's kind is shown by the background, too, and the ids are COCO's.
        kinds = {name: 1 + (int(name[-8:-4]) - 40) // 4 for name in (image["source"], step["donor"])}
        assert step["annotated"] and step["category"] == categories[kinds[step["donor"]] - 1]["name"]
        assert len(set(kinds.values())) == 1
        ids = f"Tp_{int(step['donor'][-8:-4])}_{int(image['source'][-8:-4])}_"
        assert any(sample.image.name.startswith(ids) for sample in listed_samples)
    assert any(sample.image.name.endswith("_hair-drier.png") for sample in listed_samples)
