import json

import numpy as np
import pytest
from PIL import Image
from tiny import TINY

from constrained_rcnn import showcase
from constrained_rcnn.errors import UserError

SHORT = [*TINY, "SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "(1,)", "SOLVER.IMS_PER_BATCH", "2"]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(14):
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def test_from_photos_to_figures_and_pictures_and_again_at_once(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(showcase, "COUNTS", {"train": 6, "val": 3, "test": 6})
    output = tmp_path / "demo"
    metrics = showcase.run(output, seed=4, photos=photos, options=SHORT)
    said = capsys.readouterr().out
    assert "broken.png" in said and "Constrained R-CNN" in said and "error_level_analysis" in said
    saved = json.loads((output / "metrics.json").read_text())
    assert saved["counts"]["n_manipulated"] == 6 and saved["seed"] == 4
    assert saved["counts"]["photos_test"] == 3 and saved["counts"]["photos_train"] + saved["counts"]["photos_val"] == 11
    assert {"auc", "f1_best", "f1_floor", "baselines", "seconds"} <= saved.keys()
    assert saved["baselines"]["all_ones"]["auc"] == 0.5
    assert abs(saved["baselines"]["all_ones"]["f1_best"] - saved["f1_floor"]) < 1e-6
    assert saved["auc"] == pytest.approx(metrics["auc"]) and 0 <= saved["auc"] <= 1
    with Image.open(output / "examples.jpg") as sheet:
        assert sheet.width > 600 and sheet.height > 150
    assert list((output / "results").glob("*_overlay.jpg"))
    splits = {
        name: {i["group"] for i in json.loads((output / "data" / "annotations" / f"{name}.json").read_text())["images"]}
        for name in ("train", "val", "test")
    }
    assert not splits["train"] & splits["test"] and not splits["val"] & splits["test"]
    assert not splits["train"] & splits["val"]

    again = showcase.run(output, seed=4, photos=photos, options=SHORT)
    assert again["auc"] == metrics["auc"]
    with pytest.raises(UserError, match="another --output"):
        showcase.run(output, seed=5, photos=photos, options=SHORT)


def test_examples_are_quartiles_not_the_best():
    records = [
        {"image_id": i, "technique": "splice", "authentic": False, "pixel": {"f1_best": i / 100}} for i in range(101)
    ]
    records.append({"image_id": 999, "technique": "authentic", "authentic": True, "pixel": {}})
    assert showcase.choose_examples(records) == [75, 50, 25]
