"""Photos for demo and tests without a download: what packages we depend on ship, and rendered images."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from ..images.reading import read_image
from ..utils.errors import UserError
from .scenes import render_scene

#: Folders of photos inside of installed packages.
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images", "matplotlib": "mpl-data/sample_data"}
_DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}

#: Photos that no training set ever holds, that of the package's weights included.
TEST_PHOTOS = (
    ("skimage", "astronaut.png"),
    ("skimage", "brick.png"),
    ("skimage", "camera.png"),
    ("skimage", "chelsea.png"),
    ("skimage", "coffee.png"),
    ("skimage", "coins.png"),
    ("skimage", "hubble_deep_field.jpg"),
    ("skimage", "ihc.png"),
    ("skimage", "motorcycle_left.png"),
    ("skimage", "rocket.jpg"),
    ("sklearn", "china.jpg"),
    ("sklearn", "flower.jpg"),
    ("matplotlib", "grace_hopper.jpg"),
)
#: ``motorcycle_right.png`` shows a test photo's scene and is in neither.
TRAIN_PHOTOS = (
    ("skimage", "cell.png"),
    ("skimage", "clock_motion.png"),
    ("skimage", "grass.png"),
    ("skimage", "gravel.png"),
    ("skimage", "moon.png"),
    ("skimage", "retina.jpg"),
)
#: Rendered images of the training split, by seed.
MADE = range(120)


def load(split: str, made: range = MADE) -> list[tuple[str, np.ndarray]]:
    """The demo's photos.

    Args:
        split: "train" (photos and rendered images) or "test" (photos only). No image is in both.
        made: seeds of the rendered images of "train".

    Returns:
        (name, H x W x 3 uint8 RGB) of each, always in the same order. Grey photos have three equal channels.

    Raises:
        UserError: an unknown split, or a package or its photo is not there.
    """
    if split not in ("train", "test"):
        raise UserError(f"demo photos: unknown split {split!r}: choose train or test")
    files = TEST_PHOTOS if split == "test" else TRAIN_PHOTOS
    photos = [(Path(name).stem, read_image(_path(package, name), "RGB")) for package, name in files]
    if split == "train":
        photos += [(f"made{seed:03d}", render_scene(seed)) for seed in made]
    return photos


def _path(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"demo photo {name}: no {package}; pip install {_DISTRIBUTIONS[package]}")
    path = Path(spec.submodule_search_locations[0], _FOLDERS[package], name)
    if not path.is_file():
        raise UserError(f"{path}: no such photo; pip install --force-reinstall {_DISTRIBUTIONS[package]}")
    return path
