"""The decision head: computed as it says, not growing with the image."""

import numpy as np
import pytest
import torch

from constrained_rcnn.modeling.decision_head import TOP_SHARES, DecisionHead, decision_loss


@pytest.fixture
def head():
    torch.manual_seed(0)
    return DecisionHead(6, hidden=8)


def inputs(height=20, width=50, images=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, 1, 2 * height, 2 * width, generator=generator) * 3
    return logits, torch.randn(images, 6, height, width, generator=generator)


def plainly(head, logits, feature):
    """The same in NumPy, float64, for one image: logits (2h, 2w), feature (C, h, w)."""
    logits, feature = logits.double().numpy(), feature.double().numpy()
    count = feature.shape[0]
    pooled = logits.reshape(feature.shape[1], 2, feature.shape[2], 2).mean((1, 3))
    weight = 1 / (1 + np.exp(-pooled))
    weighted = (feature * weight).sum((1, 2)) / weight.sum()
    ordered = np.sort(pooled.ravel())[::-1]
    tops = [ordered[: max(1, round(share * ordered.size))].mean() for share in TOP_SHARES]
    first, _, last = head.layers
    assert first.in_features == 2 * count + len(tops)
    described = np.concatenate([feature.mean((1, 2)), weighted, tops])
    hidden = np.maximum(first.weight.detach().numpy() @ described + first.bias.detach().numpy(), 0)
    return float(last.weight.detach().numpy()[0] @ hidden + last.bias.detach().numpy()[0])


def test_what_it_reads(head):
    logits, feature = inputs(images=3)
    decisions = head(logits, feature)
    assert decisions.shape == (3,) and decisions.dtype == torch.float32
    for index in range(3):
        assert float(decisions[index].detach()) == pytest.approx(
            plainly(head, logits[index, 0], feature[index]), abs=1e-4
        )


@pytest.mark.parametrize("size, cells", [((27, 36), (14, 18)), ((7, 9), (4, 5)), ((1, 1), (1, 1))])
def test_odd_sizes(head, size, cells):
    """Logits of 53x71, 25x33 and 4x4 pixels: the feature's cells are half as many, rounded up."""
    assert torch.isfinite(head(torch.randn(2, 1, *size), torch.randn(2, 6, *cells))).all()


def test_an_image_four_times_as_large_scores_the_same(head):
    logits, feature = inputs()
    once, four = head(logits, feature), head(logits.repeat(1, 1, 2, 2), feature.repeat(1, 1, 2, 2))
    assert torch.allclose(once, four, atol=1e-4)


def test_stays_in_float32_under_autocast(head):
    logits, feature = inputs()
    exact = head(logits, feature)
    with torch.autocast("cpu", torch.bfloat16):
        under_autocast = head(logits, feature)
        rounded = head(logits, feature.bfloat16())
    assert torch.equal(under_autocast, exact) and rounded.dtype == torch.float32


def test_loss_is_that_of_the_image_labels():
    logits, masks = torch.tensor([1.5, -0.5, 2.0]), torch.zeros(3, 5, 7, dtype=torch.uint8)
    masks[1, 4, 6] = 1  # one pixel is enough
    p = 1 / (1 + np.exp(-logits.numpy()))
    expected = -(np.log(1 - p[0]) + np.log(p[1]) + np.log(1 - p[2])) / 3
    assert float(decision_loss(logits, masks)) == pytest.approx(expected, abs=1e-6)
