"""What the preset "careful" adds: photos with their own history, shapes of selection tools, files saved twice."""

from __future__ import annotations

import dataclasses

import numpy as np

from constrained_rcnn.synthesis import camera
from constrained_rcnn.synthesis.forgery import Forgery
from constrained_rcnn.synthesis.regions import geometric_shape
from constrained_rcnn.synthesis.scenes import render_scene


def test_a_photo_that_keeps_its_history_is_cut_out_pixel_by_pixel_on_its_own_grid():
    """Blocks of 8x8 pixels, each of one value: a cut off their grid, or any resampling, would mix two of them."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (20, 25, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    history = camera.History("RGGB", True, 5.0, camera_jpeg=80, scale=0.5, own=True)
    for seed in range(10):
        image = camera.photograph(photo, (96, 104), history, np.random.default_rng(seed))
        blocks = image.reshape(12, 8, 13, 8, 3)
        assert (blocks == blocks[:, :1, :, :1]).all()
    small = camera.photograph(photo[:90], (96, 104), history, np.random.default_rng(0))
    assert small.shape == (96, 104, 3)  # too small to be cut: it goes through the camera


def test_shapes_of_selection_tools():
    rng, kinds = np.random.default_rng(1), set()
    for _ in range(40):
        area = rng.uniform(100, 2000)
        mask = geometric_shape((64, 80), area, rng)
        assert 0.7 * area < mask.sum() < 1.3 * area or mask.any(0).sum() >= 76 or mask.any(1).sum() >= 60, area
        box = mask[mask.any(1)][:, mask.any(0)]
        kinds.add("rectangle" if box.all() else "ellipse")
        if not box.all():
            assert abs(box.mean() - np.pi / 4) < 0.08
    assert kinds == {"rectangle", "ellipse"}


def test_a_forgery_saved_twice_keeps_the_trace_of_the_first_quality():
    photo = render_scene(3, (128, 160))
    saved_once = Forgery(photo, photo, np.zeros((128, 160), bool), [], 95, True, {})
    saved_twice = dataclasses.replace(saved_once, first_quality=30)
    assert (
        np.abs(saved_once.image - photo.astype(int)).mean() < 0.5 * np.abs(saved_twice.image - photo.astype(int)).mean()
    )
    assert np.array_equal(saved_twice.image, saved_twice.authentic)
