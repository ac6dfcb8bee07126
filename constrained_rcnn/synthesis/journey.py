"""What programs, networks and messengers do to a whole image, the same for a forgery and its counterpart."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from .camera import INTERPOLATIONS, recompress
from .editing import Editing
from .masks import to_uint8
from .presets import log_uniform

_REDUCTIONS = {**INTERPOLATIONS, "area": cv2.INTER_AREA}


@dataclasses.dataclass(frozen=True)
class Journey:
    """The way of a result from the editor to its final file's JPEGs; ``None``, 0 and 1.0: it did not happen.

    Attributes:
        scale: resizing factor in (0, 1], with ``interpolation``.
        saved: quality of a JPEG before that.
        sharpen: weight of an unsharp mask of ``radius`` pixels.
        contrast: factor about middle grey; ``saturation`` factor of the distance from grey.
    """

    scale: float = 1.0
    interpolation: str = "area"
    saved: int | None = None
    sharpen: float = 0.0
    radius: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    def before(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of an image that is of ``size`` after the journey."""
        height, width = (round(side / self.scale) for side in size)
        return height, width

    def travel(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """
        Args:
            image: H x W x 3 uint8 RGB.
            size: (height, width) afterwards.

        Returns:
            height x width x 3 uint8 RGB.
        """
        if self.saved is not None:
            image = recompress(image, self.saved)
        if image.shape[:2] != tuple(size):
            image = cv2.resize(image, size[::-1], interpolation=_REDUCTIONS[self.interpolation])
        if not (self.sharpen or self.contrast != 1 or self.saturation != 1):
            return image
        values = image.astype(np.float32)
        if self.sharpen:
            values += self.sharpen * (values - cv2.GaussianBlur(values, (0, 0), self.radius))
        if self.contrast != 1:
            values = (values - 128) * self.contrast + 128
        if self.saturation != 1:
            grey = values.mean(2, keepdims=True)
            values = grey + self.saturation * (values - grey)
        return to_uint8(values)

    def travel_mask(self, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """An H x W bool mask as the journey leaves it: pixels of which more than half is covered."""
        if mask.shape == tuple(size):
            return mask
        return cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) > 0.5


def draw_journey(editing: Editing, room: float, rng: np.random.Generator) -> Journey:
    """Draws a journey.

    Args:
        room: how many times larger than the result the photo is, >= 1; no photo is enlarged.
    """
    scale, names = 1.0, list(_REDUCTIONS)
    least = max(editing.reduction, 1 / room)
    if least < 1 and rng.random() < editing.resized:
        scale = log_uniform(rng, (least, 1.0))
    name = names[rng.integers(len(names))]
    # Interpolation without averaging leaves jagged lines where less than every second pixel is read.
    name = "area" if scale < 0.6 and name != "lanczos" else name
    return Journey(
        scale=scale,
        interpolation=name,
        saved=draw_quality(editing, rng) if rng.random() < editing.saved else None,
        sharpen=float(rng.uniform(0.2, 1.0)) if rng.random() < editing.sharpened else 0.0,
        radius=float(rng.uniform(0.6, 1.6)),
        contrast=float(rng.uniform(0.85, 1.2)) if rng.random() < editing.contrasted else 1.0,
        saturation=float(rng.uniform(0.7, 1.35)) if rng.random() < editing.saturated else 1.0,
    )


def draw_quality(editing: Editing, rng: np.random.Generator) -> int:
    """Quality of a JPEG; half of them lie in the upper 30% of the range."""
    low, high = editing.quality
    return int(round(low + (high - low) * np.sqrt(rng.random())))


def draw_last_steps(editing: Editing, rng: np.random.Generator) -> dict:
    """Draws the JPEGs of the final file: ``quality``, ``first_quality`` and ``dense`` of a ``Forgery``."""
    return {
        "quality": None if rng.random() < editing.png else draw_quality(editing, rng),
        "first_quality": draw_quality(editing, rng) if rng.random() < editing.first_jpeg else None,
        "dense": bool(rng.random() < editing.dense),
    }
