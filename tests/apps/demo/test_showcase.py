import json
import os

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn import model_zoo
from constrained_rcnn.apps.demo import showcase, training
from constrained_rcnn.synthesis.demo_photos import TEST_PHOTOS
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import TINY

SHORT = [*TINY, "SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "(1,)", "SOLVER.IMS_PER_BATCH", "2"]

#: Of ``metrics.json``, whichever demo wrote it.
KEYS = ["auc", "f1_best", "f1_floor", "model", "coco", "baselines", "counts", "seed", "seconds"]
SECONDS = ["forgeries", "training", "threshold", "evaluation", "baselines", "pictures", "total"]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(14):
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def groups(output, split):
    return {i["group"] for i in json.loads((output / "data" / "annotations" / f"{split}.json").read_text())["images"]}


def interrupt(cfg):
    raise KeyboardInterrupt


def test_the_packages_weights_on_unseen_forgeries_after_an_interruption(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(showcase, "COUNT", 6)
    output = tmp_path / "demo"
    with monkeypatch.context() as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.setattr(showcase, "evaluate", interrupt)
        showcase.run(output, seed=4)
    forged = {path: path.stat().st_mtime_ns for path in (output / "data").rglob("*.*")}
    assert forged and not (output / "metrics.json").exists()

    metrics = showcase.run(output, seed=4)
    assert {path: path.stat().st_mtime_ns for path in (output / "data").rglob("*.*")} == forged
    printed = capsys.readouterr().out
    for word in ("Constrained R-CNN", "error_level_analysis", "f1_best/copy-move", "metrics.json"):
        assert word in printed
    saved = json.loads((output / "metrics.json").read_text())
    assert list(saved) == KEYS and list(saved["seconds"]) == SECONDS
    assert saved["counts"]["n_manipulated"] == 6 and saved["seed"] == 4
    assert saved["auc"] == pytest.approx(metrics["auc"]) and 0 <= saved["auc"] <= 1
    assert saved["counts"]["photos_test"] == len(TEST_PHOTOS)
    for nothing in ("photos_train", "photos_val", "train_manipulated", "train_authentic"):
        assert saved["counts"][nothing] == 0
    assert saved["seconds"]["training"] == saved["seconds"]["threshold"] == 0 < saved["seconds"]["total"]
    info = json.loads((output / "data" / "annotations" / "test.json").read_text())["info"]
    assert info["preset"]["name"] == "careful"
    assert groups(output, "test") <= {name.rsplit(".", 1)[0] for _, name in TEST_PHOTOS}
    with Image.open(output / "examples.jpg") as sheet:
        assert sheet.width > 500 and sheet.height > 150
    shipped = os.path.basename(model_zoo.default_weights())
    examples = [json.loads(path.read_text()) for path in (output / "results").glob("*.json")]
    assert examples and all(example["weights"]["file"] == shipped for example in examples)
    assert not (output / "model" / "last_checkpoint").exists()  # nothing was trained
    with pytest.raises(UserError, match="another --output"):
        training.run(output, seed=4)


def test_trained_from_photos_to_figures_and_images_and_again_at_once(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "COUNTS", {"train": 6, "val": 3, "test": 6})
    output = tmp_path / "demo-train"
    metrics = training.run(output, seed=4, photos=photos, options=SHORT)
    printed = capsys.readouterr().out
    assert "broken.png" in printed and "Constrained R-CNN" in printed and "error_level_analysis" in printed
    saved = json.loads((output / "metrics.json").read_text())
    assert saved["counts"]["n_manipulated"] == 6 and saved["seed"] == 4
    assert saved["counts"]["photos_test"] == 3 and saved["counts"]["photos_train"] + saved["counts"]["photos_val"] == 11
    assert saved["counts"]["train_manipulated"] == 6 and saved["seconds"]["training"] > 0
    assert list(saved) == KEYS and list(saved["seconds"]) == SECONDS
    assert saved["baselines"]["all_ones"]["auc"] == 0.5
    assert abs(saved["baselines"]["all_ones"]["f1_best"] - saved["f1_floor"]) < 1e-6
    assert saved["auc"] == pytest.approx(metrics["auc"]) and 0 <= saved["auc"] <= 1
    with Image.open(output / "examples.jpg") as sheet:
        assert sheet.width > 600 and sheet.height > 150
    assert list((output / "results").glob("*_overlay.jpg"))
    splits = {name: groups(output, name) for name in ("train", "val", "test")}
    assert not splits["train"] & splits["test"] and not splits["val"] & splits["test"]
    assert not splits["train"] & splits["val"]

    again = training.run(output, seed=4, photos=photos, options=SHORT)
    assert again["auc"] == metrics["auc"]
    with pytest.raises(UserError, match="another --output"):
        training.run(output, seed=5, photos=photos, options=SHORT)


def test_examples_are_quartiles_not_the_best():
    records = [
        {"image_id": i, "technique": "splice", "authentic": False, "pixel": {"f1_best": i / 100}} for i in range(101)
    ]
    records.append({"image_id": 999, "technique": "authentic", "authentic": True, "pixel": {}})
    assert showcase.choose_examples(records) == [75, 50, 25]
