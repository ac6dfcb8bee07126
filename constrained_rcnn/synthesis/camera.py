"""What a photo went through before anyone forged it: mosaic, noise, demosaicing, resizing, its own JPEG.

A photo taken from a disk has a history that nobody knows; sampling it anew through a simulated camera gives
every photo of a forgery a known one, and different ones to a background and a donor.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from .presets import Preset, draw_quality, log_uniform

#: Colour filter arrays: channel (0 R, 1 G, 2 B) at (0, 0), (0, 1), (1, 0), (1, 1), and OpenCV's two
#: conversions.
_MOSAICS = {
    "RGGB": ((0, 1, 1, 2), cv2.COLOR_BayerRGGB2RGB, cv2.COLOR_BayerRGGB2RGB_EA),
    "BGGR": ((2, 1, 1, 0), cv2.COLOR_BayerBGGR2RGB, cv2.COLOR_BayerBGGR2RGB_EA),
    "GRBG": ((1, 0, 2, 1), cv2.COLOR_BayerGRBG2RGB, cv2.COLOR_BayerGRBG2RGB_EA),
    "GBRG": ((1, 2, 0, 1), cv2.COLOR_BayerGBRG2RGB, cv2.COLOR_BayerGBRG2RGB_EA),
}
INTERPOLATIONS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


def _to_linear(x: np.ndarray | float) -> np.ndarray:
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def _to_srgb(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


_LINEAR = _to_linear(np.arange(256) / 255).astype(np.float32)  # 8-bit sRGB -> light in [0, 1]
_GAMMA = np.rint(_to_srgb(np.arange(65536) / 65535) * 255).astype(np.uint8)  # 16-bit light -> 8-bit sRGB
_MIDDLE = float(_to_linear(0.5))
#: d(sRGB, 0..255) / d(light, 0..1) at middle grey, by the curve's derivative.
_SLOPE = 255 * 1.055 / 2.4 * _MIDDLE ** (1 / 2.4 - 1)


@dataclasses.dataclass(frozen=True)
class History:
    """One photo's life before the forgery; ``None`` and 1.0 mean that the step did not happen.

    Attributes:
        mosaic: colour filter array, a key of ``_MOSAICS``.
        edge_aware: edge-aware instead of bilinear demosaicing.
        noise: standard deviation at middle grey, in levels of 0..255, before demosaicing.
        camera_jpeg: quality of the camera's own JPEG.
        scale: resizing factor after capture, with ``interpolation``.
        jpeg: quality of a later JPEG, whose 8x8 grid starts at ``grid`` (rows, columns) of the result.
        own: the photo keeps the history that it came with: cut out at its own scale, and of the above only
            ``jpeg`` happens. A photo smaller than the result cannot; it goes through all of the above.
    """

    mosaic: str
    edge_aware: bool
    noise: float
    camera_jpeg: int | None = None
    scale: float = 1.0
    interpolation: str = "cubic"
    jpeg: int | None = None
    grid: tuple[int, int] = (0, 0)
    own: bool = False


def draw_history(preset: Preset, rng: np.random.Generator, donor: bool = False) -> History:
    """Draws the history of a background, or of a donor."""
    scale, jpeg = 1.0, None
    if donor:
        share, ranges = preset.donor_resized
        if rng.random() < share:
            scale = log_uniform(rng, ranges[rng.integers(len(ranges))])
        if rng.random() < preset.donor_jpeg[0]:
            jpeg = draw_quality(rng, preset.donor_jpeg[1])
    elif rng.random() < preset.background_resized[0]:
        scale = log_uniform(rng, preset.background_resized[1])
    share, qualities = preset.camera_jpeg
    return History(
        mosaic=list(_MOSAICS)[rng.integers(len(_MOSAICS))],
        edge_aware=bool(rng.random() < preset.edge_aware),
        noise=log_uniform(rng, preset.noise),
        camera_jpeg=draw_quality(rng, qualities) if rng.random() < share else None,
        scale=scale,
        interpolation=list(INTERPOLATIONS)[rng.integers(len(INTERPOLATIONS))],
        jpeg=jpeg,
        grid=(int(rng.integers(8)), int(rng.integers(8))),
        own=bool(preset.own_history and rng.random() < preset.own_history),
    )


def capture(scene: np.ndarray, history: History, rng: np.random.Generator) -> np.ndarray:
    """What a camera with one colour per pixel makes of a scene.

    Noise is Poisson-Gaussian in linear light (variance proportional to the light, plus a read-out floor of a
    tenth of the deviation at middle grey), added to the mosaic, so that demosaicing correlates it as in a
    real photo.

    Args:
        scene: H x W x 3 uint8 RGB, sRGB-coded.
        history: only ``mosaic``, ``edge_aware`` and ``noise`` are used.
        rng: source of the noise.

    Returns:
        H x W x 3 uint8 RGB.
    """
    channels, bilinear, edge_aware = _MOSAICS[history.mosaic]
    raw = np.empty(scene.shape[:2], np.uint8)
    for position, channel in enumerate(channels):
        row, column = divmod(position, 2)
        raw[row::2, column::2] = scene[row::2, column::2, channel]
    light = _LINEAR[raw]
    deviation = history.noise / _SLOPE
    variance = light * np.float32(deviation**2 / _MIDDLE) + np.float32((0.1 * deviation) ** 2)
    light += np.sqrt(variance) * rng.standard_normal(light.shape, dtype=np.float32)
    mosaic = (np.clip(light, 0, 1) * 65535 + 0.5).astype(np.uint16)
    return _GAMMA[cv2.demosaicing(mosaic, edge_aware if history.edge_aware else bilinear)]


def recompress(image: np.ndarray, quality: int, grid: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Stores as JPEG (4:2:0) and reads again; the block grid starts at ``grid`` (rows, columns) of ``image``.

    Args:
        image: H x W x 3 uint8 RGB.

    Returns:
        H x W x 3 uint8 RGB.
    """
    top, left = (8 - grid[0]) % 8, (8 - grid[1]) % 8
    if top or left:
        image = cv2.copyMakeBorder(image, top, 0, left, 0, cv2.BORDER_REFLECT_101)
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.ascontiguousarray(decoded[top:, left:, ::-1])


@dataclasses.dataclass(frozen=True)
class View:
    """What part of a photo the camera saw: a window in the photo's pixels, and whether it was mirrored.

    ``reduced``: it has more pixels than the result; ``kept``: it is the result, pixel by pixel.
    """

    top: int
    left: int
    rows: int
    columns: int
    mirrored: bool
    reduced: bool
    kept: bool = False

    def cut(self, array: np.ndarray) -> np.ndarray:
        """The window of an H x W (x C) array on the photo's grid, mirrored where the view is; contiguous."""
        part = array[self.top : self.top + self.rows, self.left : self.left + self.columns]
        return np.ascontiguousarray(part[:, ::-1] if self.mirrored else part)


def sensor_size(size: tuple[int, int], history: History) -> tuple[int, int]:
    """(height, width) in pixels before the history's resizing, for a result of ``size``."""
    height, width = (max(16, round(side / history.scale)) for side in size)
    return height, width


def draw_view(shape: tuple[int, ...], size: tuple[int, int], history: History, rng: np.random.Generator) -> View:
    """Draws a view of a photo.

    A photo larger than the size is reduced by a random factor, which also averages its own unknown traces
    away; one that is smaller is enlarged just enough. A view of a photo that keeps its own history is neither; it
    begins on the grid of the photo's JPEG blocks, as the file that a forger opened does.

    Args:
        shape: of the photo, (H, W, ...).
        size: (height, width) of the result in pixels.
    """
    if history.own and shape[0] >= size[0] and shape[1] >= size[1]:
        top, left = (8 * int(rng.integers((large - small) // 8 + 1)) for large, small in zip(shape, size))
        aligned = size[1] % 8 == 0  # a mirrored view of another width would leave the grid
        return View(top, left, *size, bool(aligned and rng.random() < 0.5), False, True)
    height, width = sensor_size(size, history)
    largest = min(shape[0] / height, shape[1] / width)  # source pixels per pixel, at most
    step = largest if largest <= 1 else 1 + (largest - 1) * (1 - 0.6 * rng.random())
    rows, columns = min(shape[0], round(height * step)), min(shape[1], round(width * step))
    top = int(rng.integers(shape[0] - rows + 1))
    left = int(rng.integers(shape[1] - columns + 1))
    return View(top, left, rows, columns, bool(rng.random() < 0.5), step > 1)


def photograph(
    photo: np.ndarray, size: tuple[int, int], history: History, rng: np.random.Generator, view: View | None = None
) -> np.ndarray:
    """A photo of the given size that went through a history.

    Args:
        photo: H x W x 3 uint8 RGB.
        size: (height, width) of the result, pixels.
        view: from ``draw_view``; None: it is drawn here, first.

    Returns:
        height x width x 3 uint8 RGB.
    """
    view = view or draw_view(photo.shape, size, history, rng)
    captured_size = sensor_size(size, history)
    if view.kept:
        image = view.cut(photo)
        return image if history.jpeg is None else recompress(image, history.jpeg, history.grid)
    interpolation = cv2.INTER_AREA if view.reduced else cv2.INTER_CUBIC
    image = capture(cv2.resize(view.cut(photo), captured_size[::-1], interpolation=interpolation), history, rng)
    if history.camera_jpeg is not None:
        image = recompress(image, history.camera_jpeg)
    if captured_size != tuple(size):
        image = cv2.resize(image, size[::-1], interpolation=INTERPOLATIONS[history.interpolation])
    if history.jpeg is not None:
        image = recompress(image, history.jpeg, history.grid)
    return image
