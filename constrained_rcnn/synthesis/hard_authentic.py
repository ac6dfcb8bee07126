"""Hard authentic images: untouched as far as forgery goes, but with what a detector likes to call manipulated.

Whole-image operations of cameras, editors and copiers on photos, and made images of what has hardly any texture: evenly
lit walls, skies, blown-out surfaces, lights at night. Nothing is laid over a part of the image (captions, logos), so
that every pixel is rightly authentic. They go through the same journey and last steps as forgeries do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from .camera import capture, draw_history, recompress
from .forgery import Forgery
from .journey import draw_journey, draw_last_steps
from .masks import to_uint8
from .people import draw_workflow, take
from .presets import Preset, log_uniform
from .scenes import fractal

#: Share of images that are made and not of a photo.
MADE = 0.2


def hard_authentic(
    photo: np.ndarray, rng: np.random.Generator, preset: Preset, size: tuple[int, int], kind: str | None = None
) -> Forgery:
    """Makes one image.

    Args:
        photo: H x W x 3 uint8 RGB.
        rng: the only source of randomness.
        preset: of the recipe "people".
        size: (height, width) of the result, pixels; the photo's own where that is smaller.
        kind: a key of ``OF_PHOTOS`` or ``OF_NOTHING``; None: it is drawn.

    Returns:
        As a forgery without any region: use ``authentic_file``. ``description`` holds ``hard``, the kind.
    """
    preset = draw_workflow(preset, rng)
    editing = preset.require_editing()
    size = tuple(min(side, large) for side, large in zip(size, photo.shape))
    journey = draw_journey(editing, min(large / side for large, side in zip(photo.shape, size)), rng)
    work = tuple(min(side, large) for side, large in zip(journey.before(size), photo.shape))
    if kind is None:
        kinds = list(OF_NOTHING if rng.random() < MADE else OF_PHOTOS)
        kind = kinds[rng.integers(len(kinds))]
    if kind in OF_NOTHING:
        scene = np.clip(OF_NOTHING[kind](work, rng), 0, 255).astype(np.uint8)
        history = dataclasses.replace(draw_history(preset, rng), noise=log_uniform(rng, (0.3, 8.0)))
        image = capture(scene, history, rng)
        if history.camera_jpeg is not None:
            image = recompress(image, history.camera_jpeg)
    else:
        image = OF_PHOTOS[kind](take(photo, (), work, preset, rng, donor=False)[0].image, rng)
    image, last = journey.travel(image, size), draw_last_steps(editing, rng)
    description = {"preset": preset.name, "hard": kind, "journey": dataclasses.asdict(journey)}
    return Forgery(image, image, np.zeros(size, bool), [], description=description, **last)


def _noisy(values: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    return to_uint8(values + rng.standard_normal(values.shape, dtype=np.float32) * np.float32(deviation))


def _vignette(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape[:2])
    rows, columns = rows - np.float32(rng.normal(0, 0.2)), columns - np.float32(rng.normal(0, 0.2))
    far = rows[:, None] ** 2 + columns[None] ** 2
    return to_uint8(image * (1 - np.float32(rng.uniform(0.2, 0.6)) * np.minimum(far, 1.6))[:, :, None])


def _night(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    dark = 255 * (image.astype(np.float32) / 255) ** np.float32(rng.uniform(1.6, 3.0))
    glow = cv2.GaussianBlur(np.where(image.min(2, keepdims=True) > 225, dark, 0).astype(np.float32), (0, 0), 6)
    return _noisy(dark + 0.8 * glow * np.array([1, 0.85, 0.6], np.float32), rng.uniform(1, 8), rng)


def _blown(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return to_uint8(image.astype(np.float32) * np.float32(rng.uniform(1.4, 2.4)) + np.float32(rng.uniform(0, 30)))


def _denoised(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    for _ in range(int(rng.integers(1, 3))):
        image = cv2.bilateralFilter(image, 7, rng.uniform(20, 50), rng.uniform(2, 4))
    return cv2.medianBlur(image, 5) if rng.random() < 0.4 else image


def _sharpened(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values = image.astype(np.float32)
    values += np.float32(rng.uniform(1, 3)) * (values - cv2.GaussianBlur(values, (0, 0), rng.uniform(0.7, 2.5)))
    return to_uint8(values)


def _tone_mapped(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    light, red, blue = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
    tiles = int(rng.integers(2, 8))
    light = cv2.createCLAHE(rng.uniform(2, 6), (tiles, tiles)).apply(light)
    return cv2.cvtColor(cv2.merge([light, red, blue]), cv2.COLOR_LAB2RGB)


def _halftone(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A printed page scanned: each ink as dots on a turned grid."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    period, values = rng.uniform(2.5, 6), image.astype(np.float32)
    for channel in range(3):
        turn = rng.uniform(0, np.pi / 2)
        x, y = columns * np.cos(turn) + rows * np.sin(turn), rows * np.cos(turn) - columns * np.sin(turn)
        screen = 127 + 64 * (np.cos(2 * np.pi / period * x) + np.cos(2 * np.pi / period * y))
        values[:, :, channel] = 255 / (1 + np.exp((screen - values[:, :, channel]) / 16))
    return to_uint8(cv2.GaussianBlur(values, (0, 0), period * rng.uniform(0.2, 0.4)))


def _moire(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A screen photographed: its lines beat with the sensor's, slowly and in colour."""
    rows, columns = (axis.astype(np.float32) for axis in np.mgrid[: image.shape[0], : image.shape[1]])
    turn, period, depth = rng.uniform(0, np.pi), rng.uniform(5, 40), rng.uniform(0.03, 0.15)
    bend = fractal(image.shape[:2], rng, 1.6) * rng.uniform(0, 4)
    phase = 2 * np.pi / period * (columns * np.cos(turn) + rows * np.sin(turn)) + bend
    waves = np.stack([np.cos(phase + shift) for shift in rng.uniform(0, 2, 3)], 2)
    return to_uint8(image * (1 + np.float32(depth) * waves.astype(np.float32)))


def _upscaled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size, small = image.shape[1::-1], log_uniform(rng, (0.2, 0.8))
    reduced = cv2.resize(image, tuple(max(8, round(side * small)) for side in size), interpolation=cv2.INTER_AREA)
    interpolations = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_NEAREST)
    return cv2.resize(reduced, size, interpolation=interpolations[rng.choice(4, p=[0.3, 0.35, 0.3, 0.05])])


def _defocus(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus as a whole, or ever more so away from a line of focus, as a lens does it."""
    blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 4.0))
    if rng.random() < 0.4:
        return blurred
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in image.shape[:2])
    turn, offset = rng.uniform(0, np.pi), rng.uniform(-0.6, 0.6)
    distance = np.abs(rows[:, None] * np.cos(turn) + columns[None] * np.sin(turn) - offset).astype(np.float32)
    near = np.clip(1.3 - distance * np.float32(rng.uniform(1.0, 2.0)), 0, 1)[:, :, None]
    return to_uint8(near * image + (1 - near) * blurred)


def _letterbox(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bars or a frame of one colour: the image made smaller on a plain page."""
    shade = np.uint8(rng.choice([0, 0, 255, int(rng.integers(256))]))
    rows, columns = image.shape[:2]
    kind, wide = rng.integers(3), rng.uniform(0.04, 0.16)
    top, left = int(rows * wide) * (kind != 1), int(columns * wide) * (kind != 0)
    inside, page = np.s_[top : rows - top, left : columns - left], np.full_like(image, shade)
    if kind == 2:
        page[inside] = cv2.resize(image, page[inside].shape[1::-1], interpolation=cv2.INTER_AREA)
    else:
        page[inside] = image[inside]
    return page


def _compressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return recompress(image, int(rng.integers(20, 60)), (int(rng.integers(8)), int(rng.integers(8))))


def _toned(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None].astype(np.float32)
    tone = np.ones(3, np.float32) if rng.random() < 0.5 else rng.uniform(0.75, 1.1, 3).astype(np.float32)
    return to_uint8(grey * tone)


def _grainy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.6, 1.4))
    return to_uint8(image + np.float32(rng.uniform(6, 20)) * (grain / grain.std())[:, :, None])


def _wall(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    colour = rng.uniform(40, 235) + rng.normal(0, 12, 3)
    light = cv2.resize(fractal((16, 16), rng, 2.0), size[::-1], interpolation=cv2.INTER_CUBIC)
    values = colour * (0.9 + rng.uniform(0, 0.3) * (light - 0.5))[:, :, None]
    if rng.random() < 0.5:  # plaster
        values += rng.uniform(1, 8) * (fractal(size, rng, rng.uniform(0.3, 1.0)) - 0.5)[:, :, None]
    return values


def _sky(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    ends = rng.uniform(60, 250, (2, 3)) if rng.random() < 0.4 else np.array([[80, 130, 210], [200, 220, 240]])
    turn = rng.normal(0, 0.4)
    rows, columns = (np.linspace(0, 1, side) for side in size)
    position = np.clip(rows[:, None] * np.cos(turn) + columns[None] * np.sin(turn), 0, 1)[:, :, None]
    values = ends[0] * (1 - position) + ends[1] * position
    if rng.random() < 0.5:
        clouds = fractal(size, rng, 1.5, 2.0)[:, :, None] * rng.uniform(0.2, 0.8)
        values = values * (1 - clouds) + 240 * clouds
    return values


def _lights(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Lights at night, in focus or as discs."""
    values = np.full((*size, 3), rng.uniform(4, 30), np.float32) * (0.5 + fractal(size, rng, 1.5)[:, :, None])
    radius = max(1.0, min(size) * log_uniform(rng, (0.006, 0.08)))
    for _ in range(int(rng.integers(5, 60))):
        middle = tuple(int(v) for v in rng.uniform((0, 0), size[::-1]) * 16)
        cover = np.zeros(size, np.uint8)
        cv2.circle(cover, middle, int(radius * rng.uniform(0.5, 1.2) * 16), 255, cv2.FILLED, cv2.LINE_AA, 4)
        colour = np.array([255, rng.uniform(120, 255), rng.uniform(40, 255)], np.float32) * np.float32(
            rng.uniform(0.3, 1.0)
        )
        values += (cover.astype(np.float32) / 255)[:, :, None] * colour
    return cv2.GaussianBlur(np.minimum(values, 255), (0, 0), rng.uniform(0.6, 2.5))


def _blown_flat(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return 200 + 120 * fractal(size, rng, rng.uniform(1.0, 2.0))[:, :, None] + rng.normal(0, 5, 3)


OF_PHOTOS: dict[str, Callable] = {
    "vignette": _vignette, "night": _night, "blown": _blown, "denoised": _denoised, "sharpened": _sharpened,
    "tone-mapped": _tone_mapped, "halftone": _halftone, "moire": _moire, "upscaled": _upscaled, "defocus": _defocus,
    "letterbox": _letterbox, "compressed": _compressed, "toned": _toned, "grainy": _grainy,
}  # fmt: skip
OF_NOTHING: dict[str, Callable] = {"wall": _wall, "sky": _sky, "lights": _lights, "blown-flat": _blown_flat}
