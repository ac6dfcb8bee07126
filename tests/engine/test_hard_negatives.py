"""Hard negatives: the highest-scoring untouched photos, cut out around what misled the weights."""

import json

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.engine.hard_negatives import _start, mine
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, tiny_cfg, tiny_model


@pytest.fixture
def cfg(tmp_path):
    ManipulationCheckpointer(tiny_model(*DENSE), str(tmp_path)).save("model")
    return tiny_cfg(*DENSE, "MODEL.WEIGHTS", str(tmp_path / "model.pth"))


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(4):
        noise = np.random.default_rng(seed).integers(0, 256, (100, 140, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"photo{seed}.png")
    return folder


def test_the_highest_scores_are_kept_as_authentic_crops(cfg, photos, tmp_path):
    result = mine(cfg, [str(photos)], str(tmp_path / "set"), share=0.5, side=64)
    assert (result["candidates"], result["kept"]) == (8, 4)
    items = annotation_format.load(tmp_path / "set" / "annotations" / "train.json")
    assert [item["authentic"] for item in items] == [True] * 4
    assert {(item["height"], item["width"]) for item in items} == {(64, 64)}
    assert {item["group"] for item in items} <= {f"photo{seed}" for seed in range(4)}
    predictor = ManipulationPredictor(cfg)
    plain = {path.stem: predictor(path).score for path in photos.iterdir()}
    images = json.loads((tmp_path / "set" / "annotations" / "train.json").read_text())["images"]
    assert result["least_score"] >= np.median(list(plain.values())) - 0.2
    for item in images:  # pixels as they were predicted: of a photo that is kept as it is, they lie on the grid in it
        crop = np.asarray(Image.open(tmp_path / "set" / item["file_name"]))
        photo = np.asarray(Image.open(photos / f"{item['group']}.png"))
        places = [(top, left) for top in range(0, 37, 8) for left in range(0, 77, 8)]
        item["as_it_is"] = any(np.array_equal(photo[t : t + 64, c : c + 64], crop) for t, c in places)
    assert any(item["as_it_is"] for item in images)


def test_crops_lie_inside_and_on_the_grid():
    for length in (300, 384, 385, 1000):
        for position in range(0, length, 7):
            start = _start(position, 384, length)
            assert start % 8 == 0 and start >= 0 and (start + 384 <= length or length <= 384 + 8)
            assert start <= position < start + 384 + 8


@pytest.mark.parametrize("share, side, message", [(0, 64, "share 0"), (1.1, 64, "share"), (0.5, 60, "multiple of 8")])
def test_what_cannot_be_is_refused(cfg, photos, tmp_path, share, side, message):
    with pytest.raises(UserError, match=message):
        mine(cfg, [str(photos)], str(tmp_path / "set"), share=share, side=side)
