"""The rows of images that a training run leaves in TensorBoard."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from constrained_rcnn.engine.prediction_images import COUNT, HEIGHT, PredictionImages
from tests.helpers.tiny import tiny_cfg, tiny_model
from tests.helpers.tiny_data import write_set


def hook(datasets, *options, model=None):
    cfg = tiny_cfg("DATASETS.TEST", str(datasets), "DATASETS.TRAIN", "()", "VIS_PERIOD", "10", *options)
    images = PredictionImages(cfg)
    images.trainer = SimpleNamespace(iter=9, model=model, storage=EventStorage(9))
    return images


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("images"), "test", 8)


class Finds(torch.nn.Module):
    """A model that is sure of the left half of every image, and draws random numbers to say so."""

    def __init__(self, score):
        super().__init__()
        self.weight, self.score = torch.nn.Parameter(torch.zeros(1)), score

    def forward(self, inputs):
        assert not self.training and not torch.is_grad_enabled()
        torch.rand(3)
        height, width = inputs[0]["height"], inputs[0]["width"]
        manipulation_map = torch.zeros(height, width)
        manipulation_map[:, : width // 2] = self.score
        instances = Instances((height, width))
        instances.pred_boxes = Boxes(torch.tensor([[0.0, 0.0, width / 2, height]]))
        instances.scores, instances.pred_classes = torch.tensor([self.score]), torch.tensor([0])
        return [{"manipulation_map": manipulation_map, "instances": instances}]


def shown(hook):
    hook.after_step()
    return [image for _, image, _ in hook.trainer.storage._vis_data]


def last_panel(image):
    """(HEIGHT, w, 3) of the overlay; all four panels are of one width."""
    pixels = image.transpose(1, 2, 0)[-HEIGHT:]
    width = (pixels.shape[1] - 3 * 4) // 4
    return pixels[:, -width:].astype(int)


def test_the_overlay_shows_what_is_found_and_where(data):
    for score in (0.9, 0.3):
        image = shown(hook((data,), model=Finds(score)))[0]
        panel = last_panel(image)
        middle = panel.shape[1] // 2
        colour = np.ptp(panel[40:-10], axis=2)
        # Colour means evidence, and the half without any is grey.
        assert colour[:, 6 : middle - 6].min() > 0 and colour[:, middle + 6 :].max() == 0
        # The box's lower side is drawn where its score is above the threshold.
        assert (len(np.unique(panel[-1, 3 : middle - 6], axis=0)) == 1) == (score > 0.5)


def test_model_and_random_numbers_are_as_before(data):
    model = Finds(0.9).train()
    images = hook((data,), model=model)
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    assert len(shown(images)) == COUNT
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1]) and random.getstate() == states[2]
    assert model.training
    images.trainer.iter, images.trainer.storage = 10, EventStorage(10)  # not a period's end
    assert not shown(images)


def test_an_error_leaves_the_model_in_training(data):
    class Breaks(Finds):
        def forward(self, inputs):
            raise ValueError("out of order")

    images = hook((data,), model=Breaks(0.9).train())
    with pytest.raises(ValueError, match="out of order"):
        images.after_step()
    assert images.trainer.model.training


@pytest.mark.parametrize("classes", ["3", "1"])
def test_a_real_model_in_every_setting(data, classes):
    options = ["MODEL.ROI_HEADS.NUM_CLASSES", classes, "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.0",
               "MODEL.MANIPULATION_MAP.DECISION_THRESHOLD", "0.0"]  # fmt: skip
    if classes == "1":
        options += ["DATASETS.MERGE_TECHNIQUES", "True"]
    images = shown(hook((data,), *options, model=tiny_model(*options)))
    assert len(images) == COUNT and all(p.dtype == np.uint8 and p.shape[0] == 3 for p in images)


def test_nothing_to_show_is_no_error(tmp_path):
    authentic = write_set(tmp_path, "test", 2, authentic_every=1)
    assert shown(hook((authentic,), model=Finds(0.9))) == []
    assert shown(hook((), model=Finds(0.9))) == []
