"""Augmentation that forensics can bear: what happens inside the forged boxes, and a private random state."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager

import cv2
import numpy as np
from detectron2.data import transforms as T
from fvcore.transforms.transform import CropTransform, NoOpTransform
from PIL import Image


@contextmanager
def numpy_seed(*key: int):
    """Runs a block with NumPy's global generator seeded by ``key`` and restores its state afterwards.

    Detectron2's augmentations draw from that global generator. Seeding it with (seed, position in the data)
    makes a sample the same with any number of loader workers and after a resume.

    Args:
        key: non-negative integers below 2**32.
    """
    state = np.random.get_state()
    np.random.seed(np.random.SeedSequence(key).generate_state(4))
    try:
        yield
    finally:
        np.random.set_state(state)


def degrade_boxes(
    image: np.ndarray, boxes: np.ndarray, rng: np.random.Generator, noise_variance: float, jpeg_quality: int
) -> np.ndarray:
    """Adds noise to, or compresses, what lies inside forged boxes (the paper's stage-2 augmentation).

    Args:
        image: (H, W, 3) uint8, BGR.
        boxes: (R, 4) float, XYXY in the image's pixels.
        rng: source of the noise.
        noise_variance: of the Gaussian noise, grey levels squared; 0: none. The paper's value is 5.
        jpeg_quality: 1 to 100; 0: none. The paper's value is 70.

    Returns:
        (H, W, 3) uint8, a copy where anything changed.
    """
    if not len(boxes) or not (noise_variance or jpeg_quality):
        return image
    image = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in np.rint(boxes).astype(int):
        rows, columns = slice(max(y1, 0), min(y2, height)), slice(max(x1, 0), min(x2, width))
        patch = image[rows, columns]
        if patch.size == 0:
            continue
        if noise_variance:
            noisy = patch + rng.normal(0, noise_variance**0.5, patch.shape)
            patch = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        if jpeg_quality:
            _, data = cv2.imencode(".jpg", patch, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
            patch = cv2.imdecode(data, cv2.IMREAD_COLOR)
        image[rows, columns] = patch
    return image


class BlockCrop(T.RandomCrop):
    """A random crop that begins on the 8-pixel grid, so that JPEG blocks begin at its corner as in a whole file."""

    def get_transform(self, image):
        crop = super().get_transform(image)
        return CropTransform(crop.x0 - crop.x0 % 8, crop.y0 - crop.y0 % 8, crop.w, crop.h)


class Reduced(T.Augmentation):
    """Reduces whole training images, forged or not, as networks and messengers do with what is sent through them."""

    _FILTERS = (Image.BOX, Image.BILINEAR, Image.BICUBIC, Image.LANCZOS)

    def __init__(self, share: float, factors: tuple[float, float]):
        """
        Args:
            share: of the images, in (0, 1].
            factors: smallest and largest ratio of new width to old, in (0, 1], drawn evenly.
        """
        super().__init__()
        self.share, self.factors = share, factors

    @classmethod
    def from_config(cls, cfg) -> Reduced | None:
        """What ``INPUT.REDUCED`` asks for, or None."""
        return cls(cfg.INPUT.REDUCED, tuple(cfg.INPUT.REDUCED_FACTORS)) if cfg.INPUT.REDUCED else None

    def get_transform(self, image):
        """
        Args:
            image: (H, W, 3) uint8.

        Returns:
            A resize with a filter drawn from four, or nothing to do.
        """
        reduce, factor = np.random.random() < self.share, self._rand_range(*self.factors)
        interpolation = self._FILTERS[np.random.randint(len(self._FILTERS))]
        if not reduce:
            return NoOpTransform()
        height, width = image.shape[:2]
        size = max(round(height * factor), 1), max(round(width * factor), 1)
        return T.ResizeTransform(height, width, *size, interpolation)


@dataclasses.dataclass(frozen=True)
class SavedAgain:
    """Saves whole training images as JPEG once more, forged or not: what happens to files that are passed on.

    Attributes:
        share: of the images, in (0, 1].
        qualities: lowest and highest quality, 1 to 100, drawn evenly; chroma at full or half resolution likewise.
    """

    share: float
    qualities: tuple[int, int]

    @classmethod
    def from_config(cls, cfg) -> SavedAgain | None:
        """What ``INPUT.SAVED_AGAIN`` asks for, or None."""
        return cls(cfg.INPUT.SAVED_AGAIN, tuple(cfg.INPUT.SAVED_AGAIN_QUALITY)) if cfg.INPUT.SAVED_AGAIN else None

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """
        Args:
            image: (H, W, 3) uint8, BGR (in another order colours are compressed a little otherwise).
            rng: decides whether and how.

        Returns:
            (H, W, 3) uint8.
        """
        chosen, quality = rng.random() < self.share, int(rng.integers(self.qualities[0], self.qualities[1] + 1))
        dense = rng.random() < 0.5
        if not chosen:
            return image
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if dense else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        return cv2.imdecode(cv2.imencode(".jpg", np.ascontiguousarray(image), flags)[1], cv2.IMREAD_COLOR)
