"""What the network is shown at test time: sizes, means, and what cannot be resized."""

import cv2
import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances

from constrained_rcnn.inference.augmentations import Augmentation
from constrained_rcnn.utils.errors import UserError
from tests.helpers.stand_ins import noise


@pytest.mark.parametrize(
    "augmentation, size, shape",
    [
        (Augmentation(0, 0), (300, 401), (300, 401)),
        (Augmentation(0, 0, True), (300, 401), (300, 408)),
        (Augmentation(0, 0, True), (300, 400), (300, 400)),
        (Augmentation(0, 0, True, 30_000), (300, 401), (150, 200)),
        (Augmentation(600, 1000, True), (300, 401), (600, 802)),
        (Augmentation(0, 0, False, 300 * 401), (300, 401), (300, 401)),
        (Augmentation(0, 0, False, 300 * 401 - 1), (300, 401), (300, 401)),  # rounded
        (Augmentation(0, 0, False, 30_000), (300, 400), (150, 200)),
        (Augmentation(0, 0, False, 100_000), (3000, 4000), (274, 365)),
        (Augmentation(600, 1000), (300, 401), (600, 802)),
        (Augmentation(600, 1000, False, 100_000), (300, 400), (274, 365)),
    ],
)
def test_the_size_of_the_networks_input(augmentation, size, shape):
    assert augmentation.output_shape(*size) == shape
    augmented = augmentation.apply(noise(*size) if size[0] < 1000 else np.zeros((*size, 3), np.uint8))
    assert augmented.shape == (*shape, 3) and augmented.dtype == np.uint8


def test_an_image_of_which_nothing_would_be_left():
    with pytest.raises(UserError, match="10000x2 pixels: too narrow"):
        Augmentation(0, 0, False, 1000).output_shape(2, 10_000)


def test_a_reduced_image_holds_the_means_of_its_pixels():
    pixels = noise(60, 80)
    augmented = Augmentation(0, 0, True, 1200).apply(pixels)
    means = pixels[:, ::-1].reshape(30, 2, 40, 2, 3).mean((1, 3))
    assert np.abs(augmented - means).max() <= 0.51


def test_blocks_of_a_mirrored_jpeg_begin_at_its_corner():
    """Saved again at its own quality, a JPEG hardly changes on its own grid, and much on another one."""
    _, file = cv2.imencode(".jpg", cv2.GaussianBlur(noise(64, 93), (0, 0), 2), [cv2.IMWRITE_JPEG_QUALITY, 60])
    pixels = cv2.imdecode(file, cv2.IMREAD_COLOR)

    def change(image):
        _, again = cv2.imencode(".jpg", np.ascontiguousarray(image), [cv2.IMWRITE_JPEG_QUALITY, 60])
        return cv2.absdiff(cv2.imdecode(again, cv2.IMREAD_COLOR), np.ascontiguousarray(image))[:, 16:80].mean()

    mirrored = Augmentation(0, 0, True).apply(pixels)
    assert np.array_equal(mirrored[:, 3:], pixels[:, ::-1])
    assert change(mirrored) < 0.5 * change(pixels[:, ::-1])


@pytest.mark.parametrize("width", [93, 96])
def test_what_was_mirrored_lies_where_it_was(width):
    augmentation, rng = Augmentation(0, 0, True), np.random.default_rng(0)
    pixels = noise(40, width)
    seen = augmentation.apply(pixels)
    boxes = torch.tensor([[10.0, 5, 30, 20], [93, 0, 96, 9]])  # the second in the padding, where there is any
    shown = torch.stack([96 - boxes[:, 2], boxes[:, 1], 96 - boxes[:, 0], boxes[:, 3]], 1)
    masks = torch.from_numpy(rng.random((2, 7, 7), dtype=np.float32))
    instances = Instances((40, 96), pred_boxes=Boxes(shown), soft_masks=masks.flip(-1))
    restored, values = augmentation.undo(instances, torch.from_numpy(seen[:, :, 0].astype(np.float32)), width)
    assert np.array_equal(values.numpy(), pixels[:, :, 0]) and restored.image_size == (40, width)
    inside = 1 if width == 93 else 2
    assert torch.equal(restored.pred_boxes.tensor, boxes[:inside]) and torch.equal(restored.soft_masks, masks[:inside])
