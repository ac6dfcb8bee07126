"""Masks of another size: repaired exactly or refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.images.reading import UPRIGHT
from constrained_rcnn.preparation.mask_repair import TURNS, fit_mask
from constrained_rcnn.utils.errors import UserError


@pytest.fixture
def mask():
    mask = np.zeros((20, 30), bool)
    mask[2:8, 3:20] = True
    return mask


def test_nothing_to_do(mask):
    fitted, repair = fit_mask(mask, (20, 30))
    assert fitted is mask and repair is None


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_a_mask_on_the_unturned_pixels_turns_with_its_image(mask, orientation):
    stored = Image.fromarray(mask.astype(np.uint8))
    expected = np.array(stored.transpose(UPRIGHT[orientation])).astype(bool)
    fitted, repair = fit_mask(mask, (30, 20), orientation=orientation)
    np.testing.assert_array_equal(fitted, expected)
    assert f"EXIF orientation {orientation}" in repair


@pytest.mark.parametrize("quarter_turns, word", [(1, "90 degrees counter-clockwise"), (3, "90 degrees clockwise")])
def test_the_evidence_decides_which_way(mask, quarter_turns, word):
    evidence = np.rot90(mask, quarter_turns) * 40.0 + 1
    fitted, repair = fit_mask(mask, (30, 20), evidence=evidence)
    np.testing.assert_array_equal(fitted, np.rot90(mask, quarter_turns))
    assert word in repair


def test_no_guess_without_evidence(mask):
    for evidence in (None, np.ones((30, 20))):
        with pytest.raises(UserError, match="which way is not certain"):
            fit_mask(mask, (30, 20), evidence=evidence)


def test_integer_scales(mask):
    large, repair = fit_mask(mask, (60, 90))
    assert "scaled up by 3" in repair and large.sum() == 9 * mask.sum()
    small, repair = fit_mask(large, (20, 30))
    assert "scaled down by 3" in repair
    np.testing.assert_array_equal(small, mask)


@pytest.mark.parametrize("size", [(20, 31), (30, 45), (40, 90), (10, 30)])
def test_anything_else_is_refused(mask, size):
    with pytest.raises(UserError, match=f"mask is 30x20, its image {size[1]}x{size[0]}"):
        fit_mask(mask, size)


@pytest.mark.parametrize("size", [(20, 31), (18, 30), (21, 29)])
def test_a_nearly_fitting_mask_is_resampled_if_that_is_allowed(mask, size):
    deviation = max(abs(size[0] - 20), abs(size[1] - 30))
    fitted, repair = fit_mask(mask, size, tolerance=deviation)
    assert fitted.shape == size and fitted.dtype == bool and f"{deviation} pixels off" in repair
    assert abs(fitted.mean() - mask.mean()) < 0.03
    with pytest.raises(UserError, match=f"mask is 30x20.*--fit-masks {deviation}$"):
        fit_mask(mask, size, tolerance=deviation - 1)


def test_a_nearly_fitting_mask_on_its_side_is_turned(mask):
    evidence = np.ones((31, 20))
    evidence[:30] = np.rot90(mask) * 40.0 + 1
    fitted, repair = fit_mask(mask, (31, 20), evidence=evidence, tolerance=1)
    assert fitted.shape == (31, 20) and "1 pixels off; turned by 90 degrees counter-clockwise" in repair
    with pytest.raises(UserError, match="which way is not certain"):
        fit_mask(mask, (31, 20), tolerance=10)


def test_what_is_far_off_is_not_offered_to_be_resampled(mask):
    with pytest.raises(UserError, match="too far off"):
        fit_mask(mask, (25, 45))
