"""Files with known histories, on which the witnesses of :mod:`constrained_rcnn.evidence` are measured: the processing
classes of untouched images, and forgeries."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping

import cv2
import numpy as np
from PIL import Image

from ..evidence.file_class import CAMERA, PUBLISHED, REDUCED, SAVED, SCREENSHOT, SOCIAL
from ..images.reading import read_image
from ..synthesis.generate import synthesize
from ..utils.errors import UserError

#: Side of the generator's forgeries at most, (height, width).
_FORGERY = (480, 640)


def _jpeg(pixels: np.ndarray, quality: int, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, ::-1]).save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def _scaled(pixels: np.ndarray, factor: float, interpolation: int = cv2.INTER_AREA) -> np.ndarray:
    size = tuple(max(1, round(side * factor)) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, size, interpolation=interpolation)


def _saved(pixels: np.ndarray, rng: np.random.Generator) -> bytes:
    """As a program saves it again."""
    return _jpeg(pixels, int(rng.choice([82, 88, 92, 95])), subsampling=int(rng.choice([0, 2])))


def _social(pixels: np.ndarray, rng: np.random.Generator) -> bytes:
    """As services and messengers do: reduced, strongly compressed, chroma halved. The photos are small ones and stand
    for larger, so they are reduced whatever their size."""
    small = _scaled(pixels, min(0.75, 1080 / max(pixels.shape[:2])))
    return _jpeg(small, int(rng.choice([70, 75, 80])), subsampling=2, progressive=bool(rng.random() < 0.5))


def _reduced(pixels: np.ndarray, rng: np.random.Generator) -> bytes:
    interpolation = int(rng.choice([cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    return _jpeg(_scaled(pixels, float(rng.uniform(0.6, 0.9)), interpolation), int(rng.choice([88, 92, 95])))


def _screenshot(pixels: np.ndarray, rng: np.random.Generator) -> bytes:
    """The photo as a screen shows it, between bars with a few words, as PNG."""
    shown = _scaled(pixels, float(rng.uniform(0.7, 1.0)))
    height, width = shown.shape[:2]
    tone, ink = (250, 30) if rng.random() < 0.5 else (18, 220)
    bars = [np.full((max(24, round(height * share)), width, 3), tone, np.uint8) for share in (0.07, 0.1)]
    for bar in bars:
        cv2.putText(bar, "12:31  Photos", (8, len(bar) * 2 // 3), cv2.FONT_HERSHEY_SIMPLEX, len(bar) / 60, (ink,) * 3)
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate([bars[0], shown, bars[1]])[:, :, ::-1]).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


#: Processing class -> what makes a file of it out of (H, W, 3) uint8 BGR pixels.
MADE: Mapping[str, Callable[[np.ndarray, np.random.Generator], bytes]] = {
    SAVED: _saved,
    SOCIAL: _social,
    REDUCED: _reduced,
    SCREENSHOT: _screenshot,
}


def authentic_files(path: str, *, camera: bool, seed: int) -> Iterator[tuple[str, bytes]]:
    """What may become of a photo that nobody manipulated.

    Args:
        path: of its file.
        camera: it is as a camera saved it; else its history is unknown.
        seed: what qualities and scales are drawn with.

    Yields:
        (processing class, file).

    Raises:
        UserError: it cannot be read.
    """
    with open(path, "rb") as file:
        yield (CAMERA if camera else PUBLISHED), file.read()
    pixels, rng = read_image(path), np.random.default_rng(seed)
    for name, make in MADE.items():
        yield name, make(pixels, rng)


def made_forgeries(pixels: np.ndarray) -> Iterator[tuple[str, bytes, np.ndarray]]:
    """Forgeries whose history is known: the middle ninth of an image is replaced.

    Args:
        pixels: (H, W, 3) uint8 BGR.

    Yields:
        (kind, file, (H, W) bool truth); all are saved as JPEG of quality 95 without halved chroma.
    """
    height, width = (side // 24 * 8 for side in pixels.shape[:2])
    here = slice(height, 2 * height), slice(width, 2 * width)
    shifted = slice(height + 3, 2 * height + 3), slice(width + 5, 2 * width + 5)
    truth = np.zeros(pixels.shape[:2], bool)
    truth[here] = True
    whole = read_image(_jpeg(pixels, 75, subsampling=0))
    noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
    parts = {
        "part on another grid": (90, read_image(_jpeg(pixels, 70, subsampling=0))[shifted]),
        "part of quality 60": (90, read_image(_jpeg(pixels, 60, subsampling=0))[here]),
        "part with more noise": (90, np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)[here]),
        # The photo without its own compression: reduced, so that no grid is left.
        "part never compressed, in a JPEG 75": (75, _blurred(pixels)[here]),
    }
    for kind, (quality, part) in parts.items():
        made = (whole if quality == 75 else read_image(_jpeg(pixels, quality, subsampling=0))).copy()
        made[here] = part
        yield kind, _jpeg(made, 95, subsampling=0), truth


def _blurred(pixels: np.ndarray) -> np.ndarray:
    """The same size, shifted by half a pixel: what its blocks were cannot be told any more."""
    height, width = pixels.shape[:2]
    moved = cv2.warpAffine(
        pixels, np.float32([[1, 0, 3.5], [0, 1, 2.5]]), (width, height), flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    return moved


def generated_forgery(
    pixels: np.ndarray, donor: np.ndarray, technique: str, seed: int
) -> tuple[str, bytes, np.ndarray] | None:
    """A forgery of the package's own generator.

    Args:
        pixels, donor: (H, W, 3) uint8 BGR photos.
        technique: one of the generator's.
        seed: of its draws.

    Returns:
        (kind, file, (h, w) bool truth); None where none fits.
    """
    size = min(_FORGERY[0], pixels.shape[0]), min(_FORGERY[1], pixels.shape[1])
    photos = [np.ascontiguousarray(one[:, :, ::-1]) for one in (pixels, donor)]
    try:
        made = synthesize(photos, np.random.default_rng(seed), "careful", [technique], size)
    except UserError:
        return None
    return f"generated: {technique}", made.file, made.mask
