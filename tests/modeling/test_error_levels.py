"""Error levels: what saving an image again changes, by cells; beside the dense path they change nothing at first."""

import cv2
import numpy as np
import pytest
import torch
from detectron2.utils.events import EventStorage

from constrained_rcnn.modeling.error_levels import batch_error_levels, error_levels
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, sample, tiny_cfg, tiny_model

WIDE = [*DENSE, "MODEL.DENSE_MAP.CHANNELS", "64"]
LEVELS = [*WIDE, "MODEL.DENSE_MAP.ERROR_LEVELS", "(95,75)"]


def smooth(height, width, seed=0):
    """(3, H, W) uint8: soft colours with a camera's noise."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(30, 220, (6, 8, 3)).astype(np.float32)
    image = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC) + rng.normal(0, 3, (height, width, 3))
    return torch.from_numpy(np.clip(image, 0, 255).astype(np.uint8)).permute(2, 0, 1)


@pytest.mark.parametrize("height, width", [(53, 71), (16, 16), (17, 34)])
def test_a_level_is_the_mean_change_of_a_cell(height, width):
    """Against loops over cells, those cut by the border included."""
    image = smooth(height, width)
    levels = error_levels(image, (90, 60))
    assert levels.shape == (2, -(-height // 4), -(-width // 4)) and levels.dtype == torch.float32
    pixels = image.permute(1, 2, 0).numpy()
    for level, quality in zip(levels, (90, 60)):
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        change = np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int) - pixels).max(axis=2)
        for row in range(level.shape[0]):
            for column in range(level.shape[1]):
                cell = change[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                assert float(level[row, column]) == pytest.approx(np.log1p(cell.mean()), abs=1e-5)


def test_order_of_channels_and_kind_of_numbers_do_not_matter():
    image = smooth(53, 71)
    expected = error_levels(image, (80,))
    assert torch.equal(error_levels(image.flip(0), (80,), "RGB"), expected)
    assert torch.equal(error_levels(image.float() + 0.2, (80,)), expected)
    assert not torch.equal(error_levels(image.flip(0), (80,)), expected)


def test_a_part_that_was_not_compressed_before_stands_out():
    image = smooth(128, 128).permute(1, 2, 0).numpy()
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    forged = cv2.imdecode(data, cv2.IMREAD_COLOR)
    forged[32:96, 32:96] = image[32:96, 32:96]
    (level,) = error_levels(torch.from_numpy(forged).permute(2, 0, 1), (75,))
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[8:24, 8:24] = True
    assert level[inside].mean() > 2 * level[~inside].mean()


def test_a_batch_is_padded_with_nothing():
    images = [smooth(53, 71), smooth(64, 48, 1)]
    levels = batch_error_levels(images, (64, 71), (95, 75))
    assert levels.shape == (2, 2, 16, 18)
    assert torch.equal(levels[0, :, :14], error_levels(images[0], (95, 75))) and levels[0, :, 14:].abs().max() == 0
    assert torch.equal(levels[1, :, :, :12], error_levels(images[1], (95, 75)))
    assert levels[1, :, :, 12:].abs().max() == 0


@torch.no_grad()
def test_at_first_they_change_nothing_then_something():
    model, without = tiny_model(*LEVELS).eval(), tiny_model(*WIDE, seed=1).eval()
    shared = {name: value for name, value in model.state_dict().items() if not name.startswith("dense_map.levels.")}
    without.load_state_dict(shared)
    for size in ((53, 71), (16, 16)):
        item = sample(*size)
        (initial,), (plain,) = model([item]), without([item])
        assert torch.equal(initial["dense_map"], plain["dense_map"]) and initial["decision"] == plain["decision"]
    for layer in model.dense_map.levels.out.values():
        layer.weight.normal_(std=0.1)
    item = sample(53, 71)
    (changed,) = model([item])
    assert not torch.allclose(changed["dense_map"], without([item])[0]["dense_map"], atol=1e-3)
    (batched, _) = model([item, sample(64, 48)])
    assert torch.allclose(batched["dense_map"], changed["dense_map"], atol=1e-4)
    vector = model.describe(item["image"])
    assert float(model.decision.decide(vector[None]).sigmoid()) == pytest.approx(changed["decision"], abs=1e-5)


def test_every_parameter_of_theirs_is_trained():
    model = tiny_model(*LEVELS).train()
    for layer in model.dense_map.levels.out.values():
        torch.nn.init.normal_(layer.weight, std=0.1)
    model.bfloat16_training = True
    with EventStorage(0):
        losses = model([sample(53, 71, [(10, 12, 60, 50)]), sample(64, 48)])
    (losses["loss_dense_map"] + losses["loss_decision"]).backward()
    for name, parameter in model.dense_map.levels.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0, name


def test_qualities_are_checked():
    with pytest.raises(UserError, match="MODEL.DENSE_MAP.ERROR_LEVELS"):
        tiny_cfg(*WIDE, "MODEL.DENSE_MAP.ERROR_LEVELS", "(95,0)")
    with pytest.raises(UserError, match="MODEL.DENSE_MAP.CHANNELS is 32; set it to a multiple of 64"):
        tiny_cfg(*LEVELS, "MODEL.DENSE_MAP.CHANNELS", "32")
    with pytest.raises(UserError, match="MODEL.DENSE_MAP.CHANNELS is 48; set it to a multiple of 32"):
        tiny_cfg(*DENSE, "MODEL.DENSE_MAP.CHANNELS", "48")
