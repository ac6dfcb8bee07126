"""The NumPy runner pastes and joins maps as the model does."""

import numpy as np
import pytest
import torch

from constrained_rcnn.inference.onnx_runner import fuse, merge
from constrained_rcnn.modeling.manipulation_map import fuse_maps, merge_instances

SIZE = (61, 83)


@pytest.mark.parametrize("with_masks", [True, False])
def test_masks_are_pasted_as_the_model_pastes_them(with_masks):
    rng = np.random.default_rng(0)
    corners = rng.uniform(-5, 60, (12, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
    boxes[0], boxes[1] = (0, 0, SIZE[1], SIZE[0]), (3.2, 4.1, 3.4, 4.2)  # all of it, and less than a pixel
    masks, weights = rng.random((12, 14, 14), np.float32), rng.random(12, np.float32)
    wanted = merge_instances(*map(torch.from_numpy, (boxes, masks, weights)), *SIZE)
    if not with_masks:
        wanted = merge_instances(torch.from_numpy(boxes), None, torch.from_numpy(weights), *SIZE)
    made = merge(boxes, masks if with_masks else None, weights, *SIZE)
    assert made.dtype == np.float32 and np.abs(made - wanted.numpy()).max() < 1e-5


@pytest.mark.parametrize("how", ["max", "mean", "dense", "boxes"])
@pytest.mark.parametrize("exponent", [1.0, 0.45])
def test_maps_are_joined_as_the_model_joins_them(how, exponent):
    boxes, dense = np.random.default_rng(0).random((2, *SIZE), np.float32)
    wanted = fuse_maps(torch.from_numpy(boxes.copy()), torch.from_numpy(dense.copy()), how, exponent)
    assert np.abs(fuse(boxes, dense, how, exponent) - wanted.numpy()).max() < 1e-6


def test_nothing_found_is_an_empty_map():
    assert not merge(np.zeros((0, 4), np.float32), np.zeros((0, 14, 14), np.float32), np.zeros(0), *SIZE).any()
