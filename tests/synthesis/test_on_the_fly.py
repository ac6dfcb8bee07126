"""Forgeries in the training loader: never the same twice, always the same for the same draw."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.engine.train import ManipulationTrainer, training_class_names
from constrained_rcnn.synthesis import get_preset
from constrained_rcnn.synthesis.on_the_fly import ForgeryMaker
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import tiny_cfg
from tests.helpers.tiny_data import write_set


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(4):
        Image.fromarray(render_scene(seed, (120, 150))).save(folder / f"{seed}.png")
    (folder / "text.jpg").write_text("no image")
    content = (folder / "3.png").read_bytes()
    (folder / "4cut.png").write_bytes(content[: len(content) // 2])  # found out when it is drawn, and replaced
    return folder


def config(folder, *options):
    return tiny_cfg(
        "DATASETS.TRAIN", "()", "DATASETS.SYNTHESIS.PHOTOS", str(folder), "DATASETS.SYNTHESIS.COUNT", "5",
        "DATASETS.SYNTHESIS.SIZE", "(96, 112)", "SOLVER.IMS_PER_BATCH", "2", "SEED", "3",
        "INPUT.MIN_SIZE_TRAIN", "(96,)", *options,
    )  # fmt: skip


def take(cfg, count, start=0):
    loader = ManipulationTrainer.build_train_loader(cfg)
    loader.start = start
    return [item for batch in itertools.islice(loader, count) for item in batch]


def test_workers_and_resuming_change_nothing_and_no_two_passes_are_alike(folder):
    single = take(config(folder), 8)
    pair = take(config(folder, "DATALOADER.NUM_WORKERS", "2"), 8)
    later = take(config(folder, "DATALOADER.NUM_WORKERS", "2"), 3, start=5)
    for sample, sample_again in [*zip(single, pair, strict=True), *zip(single[10:], later, strict=True)]:
        assert torch.equal(sample["image"], sample_again["image"]) and sample["file_name"] == sample_again["file_name"]
        assert torch.equal(sample["instances"].gt_boxes.tensor, sample_again["instances"].gt_boxes.tensor)
    assert len({item["image"].numpy().tobytes() for item in single}) == 16  # three passes of five
    other_seed = take(config(folder, "SEED", "4"), 2)
    assert not torch.equal(single[0]["image"], other_seed[0]["image"])


def test_samples_fit_their_annotations(folder):
    maker = ForgeryMaker.from_config(config(folder))
    techniques = set()
    for draw in range(14):
        item = maker.make(draw % 5, draw)
        techniques.add(item["technique"])
        assert item["pixels"].shape == (96, 112, 3) and item["complete_mask"].shape == (96, 112)
        assert item["authentic"] == (not item["annotations"]) == (not item["complete_mask"].any())
        for row in item["annotations"]:
            x, y, w, h = (int(v) for v in row["bbox"])
            assert item["complete_mask"][y : y + h, x : x + w].sum() >= row["bbox"][2]
            assert TECHNIQUES[row["category_id"]] == item["technique"]
    assert techniques == {*TECHNIQUES, "authentic"}


def test_mapped_sample_has_what_training_takes(folder):
    forged = [item for item in take(config(folder, "DATASETS.SYNTHESIS.AUTHENTIC", "0.0"), 3)]
    for item in forged:
        instances = item["instances"]
        assert len(instances) and item["image"].shape == (3, 96, 112) and item["image"].dtype == torch.uint8
        assert (instances.gt_complete_mask.tensor[0] >= instances.gt_masks.tensor.any(0)).all()
        assert "pixels" not in item and "complete_mask" not in item
    assert training_class_names(config(folder)) == list(TECHNIQUES)


def test_channel_order(folder):
    """The mapper hands out BGR, the maker RGB."""
    cfg = config(folder, "INPUT.RANDOM_FLIP", "none", "DATASETS.SYNTHESIS.COUNT", "1")
    mapped, forgery = take(cfg, 1)[0], ForgeryMaker.from_config(cfg).make(0, 0)
    assert np.array_equal(mapped["image"].permute(1, 2, 0).numpy()[:, :, ::-1], forgery["pixels"])


def test_beside_a_dataset_on_disk(folder, tmp_path):
    name = write_set(tmp_path, "train", 6)
    items = take(config(folder, "DATASETS.TRAIN", f"('{name}',)"), 10)
    on_disk = [str(item["file_name"]).startswith(str(tmp_path)) for item in items]
    assert any(on_disk) and not all(on_disk)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["DATASETS.SYNTHESIS.PHOTOS", "nowhere"], "nowhere"),
        (["DATASETS.SYNTHESIS.COUNT", "0"], "COUNT"),
        (["DATASETS.SYNTHESIS.SIZE", "(20, 20)"], "SIZE"),
        (["DATASETS.SYNTHESIS.TECHNIQUES", "('blur',)"], "TECHNIQUES"),
        (["DATASETS.SYNTHESIS.AUTHENTIC", "1.5"], "AUTHENTIC"),
        (["DATASETS.SYNTHESIS.PRESET", "hard"], "hard"),
        (["DATASETS.SYNTHESIS.ANNOTATIONS", "nowhere.json"], "nowhere.json"),
        (["MODEL.ROI_HEADS.NUM_CLASSES", "1"], "NUM_CLASSES"),
    ],
)
def test_bad_keys_are_one_line(folder, options, words):
    with pytest.raises(UserError, match=words):
        ManipulationTrainer.build_train_loader(config(folder, *options))


def test_photos_that_all_fail_are_an_error():
    broken = [(str(i), Path(f"gone{i}.png")) for i in range(3)]
    with pytest.raises(UserError, match="no such file"):
        ForgeryMaker(broken, get_preset("camera"), ("removal",)).make(0, 0)
