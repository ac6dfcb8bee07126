"""The demo's photos come from installed packages, and no test photo is ever trained on."""

from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.synthesis import demo_photos
from constrained_rcnn.synthesis.scenes import KINDS, fractal, render_scene
from constrained_rcnn.utils.errors import UserError


def test_splits_are_disjoint_and_large_enough():
    train, test = demo_photos.load("train", made=range(6)), demo_photos.load("test")
    assert len(test) >= 12
    names = [name for name, _ in train + test]
    assert len(set(names)) == len(names)
    assert not {pixels.tobytes() for _, pixels in train} & {pixels.tobytes() for _, pixels in test}
    for _, pixels in train + test:
        assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and min(pixels.shape[:2]) >= 256


def test_missing_package_and_split_are_one_line(monkeypatch):
    with pytest.raises(UserError, match="unknown split"):
        demo_photos.load("val")
    monkeypatch.setattr(demo_photos.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install scikit-image"):
        demo_photos.load("test")


def test_made_images_are_deterministic_and_vary():
    images = [render_scene(seed, (96, 128)) for seed in range(2 * len(KINDS))]
    assert len({p.tobytes() for p in images}) == len(images)
    assert all((render_scene(seed, (96, 128)) == p).all() for seed, p in enumerate(images))
    assert all(p.std() > 10 for p in images)


def test_fractal_range():
    values = fractal((60, 90), np.random.default_rng(0), 1.0, 4.0)
    assert values.shape == (60, 90) and values.min() == 0 and values.max() == 1
