"""What the network is shown at test time: sizes, means, and what cannot be resized."""

import numpy as np
import pytest

from constrained_rcnn.inference.augmentations import Augmentation
from constrained_rcnn.utils.errors import UserError
from tests.helpers.stand_ins import noise


@pytest.mark.parametrize(
    "augmentation, size, shape",
    [
        (Augmentation(0, 0), (300, 401), (300, 401)),
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
