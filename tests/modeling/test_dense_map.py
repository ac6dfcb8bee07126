"""The dense path's head: its cells lie where the pixels are, and its loss is what it says."""

import numpy as np
import pytest
import torch

from constrained_rcnn.modeling.attention_rpn import ATTENDED_FEATURE
from constrained_rcnn.modeling.dense_map import STRIDE, DenseMapHead, cell_shares, dense_map_losses, upsample_logits
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, sample, tiny_cfg, tiny_model

SIZES = [(53, 71), (16, 16), (17, 33), (64, 96)]


def features_of(model, batch):
    images = model.preprocess_image(batch)
    features = model.backbone(images.tensor)
    model.proposal_generator.attend(images, features)
    return features


@pytest.mark.parametrize("norm", ["GN", ""])
@torch.no_grad()
def test_a_logit_for_every_cell_at_any_size(norm):
    """16x16 is the smallest image of all: a single cell at stride 16, which has no deviation from its mean."""
    model = tiny_model(*DENSE, "MODEL.DENSE_MAP.NORM", norm).eval()
    assert any(isinstance(layer, torch.nn.GroupNorm) for layer in model.dense_map.modules()) == (norm == "GN")
    for height, width in SIZES:
        logits, feature = model.dense_map(features_of(model, [sample(height, width), sample(height, width, seed=1)]))
        assert logits.shape == (2, 1, -(-height // 4), -(-width // 4)) and logits.dtype == torch.float32
        assert feature.shape == (2, 32, -(-height // 8), -(-width // 8))
        assert torch.isfinite(logits).all() and torch.isfinite(feature).all()
        assert upsample_logits(logits[:1], (height, width)).shape == (height, width)


@torch.no_grad()
def test_cells_see_their_own_place_and_how_the_image_differs_there():
    """A change in one corner reaches that corner's logits most; through the mean it reaches the far corner, too."""
    torch.manual_seed(0)
    head = DenseMapHead(in_channels={"res2": 8, "res3": 8, "res4": 8, ATTENDED_FEATURE: 8}, channels=32, norm="")
    shapes = {"res2": (28, 36), "res3": (14, 18), "res4": (7, 9), ATTENDED_FEATURE: (7, 9)}
    features = {name: torch.rand(1, 8, *shape) for name, shape in shapes.items()}
    original, _ = head(features)
    features["res4"][:, :, 5:, 7:] += 3
    change = (head(features)[0] - original).abs()[0, 0]
    near, far = change[20:, 28:].mean(), change[:8, :8].mean()
    assert near > 3 * far > 0


def plain_loss(logits, masks):
    """The loss by loops over images and cells, in float64."""
    logits, entropies, dices = logits.double().numpy()[:, 0], [], []
    for image, mask in zip(logits, masks.numpy()):
        intersection = probabilities = target = largest = 0.0
        for row in range(image.shape[0]):
            for column in range(image.shape[1]):
                share = mask[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].sum() / 16
                p = 1 / (1 + np.exp(-image[row, column]))
                entropies.append(-share * np.log(p) - (1 - share) * np.log(1 - p))
                intersection, probabilities, target = intersection + p * share, probabilities + p, target + share
                largest = max(largest, share)
        if largest >= 0.5:
            dices.append((2 * intersection + 1) / (probabilities + target + 1))
    return np.mean(entropies) + (1 - np.mean(dices) if dices else 0.0)


@pytest.mark.parametrize("forged", [(), (1,), (0, 1, 2)])
def test_loss_is_cross_entropy_and_overlap(forged):
    """Odd sizes, borders within cells; an image with less than half a cell forged counts in the entropy alone."""
    masks = torch.zeros(3, 53, 71)
    masks[2, 3, 4:7] = 1
    for index in forged:
        masks[index, 10 + index : 41, 22:70] = 1
    logits = torch.randn(3, 1, 14, 18, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = dense_map_losses(logits, masks)
    assert float(loss.detach()) == pytest.approx(plain_loss(logits.detach(), masks), abs=1e-5)
    loss.backward()
    assert logits.grad.abs().min() > 0


def test_a_right_map_costs_little_and_a_wrong_one_much():
    mask = torch.zeros(1, 64, 64)
    mask[:, 16:32, 16:48] = 1
    right = (20 * cell_shares(mask, (16, 16)) - 10).requires_grad_()
    assert dense_map_losses(right, mask) < 0.01
    assert dense_map_losses(-right, mask) > 9


def test_shares_of_cells():
    masks = torch.zeros(1, 6, 9, dtype=torch.uint8)
    masks[0, :, 2:6] = 1
    shares = cell_shares(masks, (2, 3))
    assert shares.dtype == torch.float32
    assert shares[0, 0].tolist() == [[0.5, 0.5, 0], [0.25, 0.25, 0]]  # pixels beyond the border are authentic


@pytest.mark.parametrize("size", [(53, 71), (52, 68), (49, 69)])
def test_probabilities_lie_at_their_cells_centres(size):
    """Against bilinear interpolation written out: cell (i, j) has its centre at pixel (4i + 1.5, 4j + 1.5)."""
    logits = torch.randn(1, 1, 14, 18, generator=torch.Generator().manual_seed(1))
    cells = logits[0, 0].double().numpy()
    probabilities = upsample_logits(logits, size).numpy()
    assert probabilities.shape == size and probabilities.dtype == np.float32

    def weights(pixels, count):
        position = np.clip((np.arange(pixels) + 0.5) / STRIDE - 0.5, 0, count - 1)
        return np.clip(1 - np.abs(position[:, None] - np.arange(count)), 0, None)

    expected = weights(size[0], 14) @ cells @ weights(size[1], 18).T
    assert np.allclose(probabilities, 1 / (1 + np.exp(-expected)), atol=1e-6)


@pytest.mark.parametrize(
    "options, words",
    [
        (["MODEL.RESNETS.OUT_FEATURES", "['res3','res4']"], "MODEL.DENSE_MAP needs 'res2'"),
        (["MODEL.MASK_ON", "False"], "MODEL.DENSE_MAP needs MODEL.MASK_ON True"),
        (["MODEL.DENSE_MAP.ENABLED", "False"], "MODEL.DECISION_HEAD needs MODEL.DENSE_MAP.ENABLED True"),
        (["MODEL.DENSE_MAP.FUSION", "sum"], "MODEL.DENSE_MAP.FUSION is 'sum'"),
        (["MODEL.SEM_SEG_HEAD.NAME", "SemSegFPNHead"], "MODEL.SEM_SEG_HEAD.NAME DenseMapHead"),
    ],
)
def test_keys_that_do_not_fit_together(options, words):
    with pytest.raises(UserError, match=words) as error:
        tiny_cfg(*DENSE, *options)
    assert "\n" not in str(error.value)
