"""What happens to an image between its forger and its detector: the perturbations of robustness tables.

NumPy, OpenCV and Pillow only. Every perturbation is applied to the original-resolution image before any
resizing by a model; the ground truth stays, except that a resized image takes its mask along, by nearest.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ..utils.errors import UserError

#: Longest side after a social network's downscaling, pixels, and the qualities of its two compressions.
SOCIAL_SIDE = 1280
SOCIAL_QUALITIES = (75, 70)
CLEAN = "clean"


@dataclass(frozen=True)
class Perturbation:
    """One point of a protocol.

    Attributes:
        protocol: key of ``PROTOCOLS``, or "clean".
        value: its parameter: quality, variance, sigma, kernel or factor; None where there is none.
    """

    protocol: str
    value: float | None = None

    @property
    def name(self) -> str:
        """``jpeg-70``, ``resize-0.25``, ``clean``: also the name of its files."""
        return self.protocol if self.value is None else f"{self.protocol}-{self.value:g}"

    def __call__(self, image: np.ndarray, key: int | str = 0, seed: int = 0) -> np.ndarray:
        """Perturbs an image.

        Args:
            image: (H, W, 3) uint8 BGR, 0..255.
            key: of the image in its dataset; with the seed it fixes the noise, whatever else is perturbed.
            seed: of the noise.

        Returns:
            (H', W', 3) uint8 BGR; H', W' differ only for ``resize`` and ``social``.
        """
        if self.protocol == CLEAN:
            return image
        # Not hash(): that of a text differs from process to process.
        words = f"{self.name}/{key}".encode()
        rng = np.random.default_rng((seed, zlib.crc32(words)))
        return APPLY[self.protocol](image, self.value, rng)

    def resizes(self) -> bool:
        """Whether the image's size may change, and its mask's with it."""
        return self.protocol in ("resize", "social")


def jpeg(image: np.ndarray, quality: float, rng=None) -> np.ndarray:
    """Saves as baseline JPEG and reads back: libjpeg's table at ``quality`` 1..100, 4:2:0 chroma (Pillow)."""
    buffer = io.BytesIO()
    try:
        Image.fromarray(image[:, :, ::-1]).save(buffer, "JPEG", quality=int(quality), subsampling="4:2:0")
    except OSError as error:  # JPEG ends at 65,535 pixels a side
        raise UserError(f"an image of {image.shape[1]}x{image.shape[0]} cannot be saved as JPEG ({error})") from error
    with Image.open(buffer) as compressed:
        return np.ascontiguousarray(np.asarray(compressed.convert("RGB"))[:, :, ::-1])


def gaussian_noise(image: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Adds independent Gaussian noise of this VARIANCE (grey levels squared) to every channel (IMDL-BenCo)."""
    return noise(image, float(np.sqrt(variance)), rng)


def noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Adds independent Gaussian noise of this STANDARD DEVIATION (grey levels); rounded, clipped at 0 and 255."""
    noisy = rng.standard_normal(image.shape, np.float32)
    noisy *= sigma
    noisy += image
    return np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy).astype(np.uint8)


def gaussian_blur(image: np.ndarray, kernel: float, rng=None) -> np.ndarray:
    """Gaussian of this odd kernel size in pixels; sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8, OpenCV's rule."""
    return cv2.GaussianBlur(image, (int(kernel), int(kernel)), 0)


def resize(image: np.ndarray, factor: float, rng=None) -> np.ndarray:
    """Scales both sides by the factor, bilinearly as in ManTraNet's and PSCC-Net's tables; at least one pixel."""
    height, width = (max(1, round(side * factor)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def social(image: np.ndarray, value=None, rng=None) -> np.ndarray:
    """Downscales to ``SOCIAL_SIDE`` on the longest side (never up), then saves as JPEG at 75, then at 70."""
    longest = max(image.shape[:2])
    if longest > SOCIAL_SIDE:
        height, width = (max(1, round(side * SOCIAL_SIDE / longest)) for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    for quality in SOCIAL_QUALITIES:
        image = jpeg(image, quality)
    return image


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Brings a mask to another size by nearest: no new border values.

    Args:
        mask: (H, W) bool.
        size: (height, width) in pixels.

    Returns:
        (height, width) bool; the very array where nothing changes.
    """
    if mask.shape == tuple(size):
        return mask
    scaled = cv2.resize(mask.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return scaled.astype(bool)


APPLY: dict[str, Callable] = {
    "jpeg": jpeg,
    "gaussian_noise": gaussian_noise,
    "gaussian_blur": gaussian_blur,
    "resize": resize,
    "noise": noise,
    "blur": gaussian_blur,
    "social": social,
}
#: Points of each protocol: the first three as IMDL-BenCo has them, resize, noise and blur as the tables of
#: ManTraNet, SPAN and PSCC-Net (their JPEG qualities 50 and 100 are among the first).
PROTOCOLS: dict[str, tuple[float | None, ...]] = {
    "jpeg": (100, 90, 80, 70, 60, 50),
    "gaussian_noise": (3, 7, 11, 15, 19, 23),
    "gaussian_blur": (3, 7, 11, 15, 19, 23),
    "resize": (0.78, 0.25),
    "noise": (3, 15),
    "blur": (3, 15),
    "social": (None,),
}


def protocol_points(names: Sequence[str] = tuple(PROTOCOLS)) -> list[Perturbation]:
    """The clean point and all points of the named protocols.

    Args:
        names: keys of ``PROTOCOLS``, or one point each, ``jpeg-70``.

    Raises:
        UserError: no such protocol, or a value that it cannot have.
    """
    points = [Perturbation(CLEAN)]
    for name in names:
        protocol, _, value = name.partition("-")
        if protocol not in PROTOCOLS:
            raise UserError(f"no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}")
        values = PROTOCOLS[protocol] if not value else (_value(name, protocol, value),)
        points += [Perturbation(protocol, v) for v in values]
    return list(dict.fromkeys(points))


def _value(name: str, protocol: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{name}: {text!r} is no number") from None
    is_integer = value == int(value) if np.isfinite(value) else False
    valid = {
        "jpeg": is_integer and 1 <= value <= 100,
        "gaussian_blur": is_integer and value >= 1 and value % 2 == 1,
        "blur": is_integer and value >= 1 and value % 2 == 1,
        "resize": 0 < value <= 4,
        "social": False,
    }.get(protocol, np.isfinite(value) and value >= 0)
    if not valid:
        raise UserError(f"{name}: {protocol} cannot be {text}; it has {PROTOCOLS[protocol]}")
    return value
