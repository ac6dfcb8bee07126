"""Text: pasted onto an image, or a mark over the place where text stood."""

from __future__ import annotations

import functools
import string
import threading

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from .draft import Draft, Edit
from .masks import to_uint8
from .presets import log_uniform

_OWN = threading.local()  # a font must not be used by two threads at once
_HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)  # fmt: skip
_COLOURS = ((255, 255, 255), (0, 0, 0), (250, 220, 30), (210, 30, 30), (30, 60, 170), (20, 20, 60))


def letters(height: int, limit: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """One to three lines of made-up text.

    Args:
        height: of a line, pixels.
        limit: largest (height, width) of the result; what is longer is cut.

    Returns:
        h x w float32 coverage in [0, 1], antialiased, with a margin of 4 pixels.
    """
    bold, hershey = bool(rng.random() < 0.3), _HERSHEY[rng.integers(len(_HERSHEY))]
    pillow = features.check("freetype2") and rng.random() < 0.6
    lines = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.1]))):
        text = _words(rng, max(3, int(1.8 * limit[1] / height)))
        lines.append(_pillow(text, height) if pillow else _opencv(text, height, hershey, bold))
    wide = max(line.shape[1] for line in lines)
    centred = rng.random() < 0.5
    rows = []
    for line in lines:
        spare = wide - line.shape[1]
        margin = spare // 2 if centred else 0
        rows.append(np.pad(line, ((2, 2), (margin, spare - margin))))
    page = np.pad(np.concatenate(rows), 4)
    if bold and pillow:
        page = cv2.dilate(page, np.ones((2, 2), np.uint8))
    if rng.random() < 0.25:
        page = _turn(page, float(rng.uniform(-12, 12)))
    return page[: limit[0], : limit[1]].astype(np.float32) / 255


def block(coverage: np.ndarray, height: int) -> np.ndarray:
    """The region of a text, H x W bool: strokes and the gaps between them, so that a line is one region."""
    strokes = cv2.copyMakeBorder((coverage > 0.3).astype(np.uint8), height, height, height, height, cv2.BORDER_CONSTANT)
    side = max(3, round(0.5 * height)) | 1
    closed = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return cv2.dilate(closed, np.ones((3, 3), np.uint8))[height:-height, height:-height].astype(bool)


def draw_text(draft: Draft) -> tuple[tuple[slice, slice], np.ndarray, int] | None:
    """Text on a free spot of an image.

    Returns:
        The window, the coverage on it, and the height of a line in pixels; None where no spot is free.
    """
    shape, rng = draft.image.shape, draft.rng
    height = max(9, round(log_uniform(rng, (0.04, 0.2)) * shape[0]))
    coverage = letters(height, (shape[0] - 2, shape[1] - 2), rng)
    for _ in range(8):
        row, column = (int(rng.integers(large - side + 1)) for large, side in zip(shape, coverage.shape))
        window = np.s_[row : row + coverage.shape[0], column : column + coverage.shape[1]]
        if not draft.occupied[window].any():
            return window, coverage, height
    return None


def paste_text(draft: Draft) -> Edit:
    """Pastes text: a splice whose donor is a font. The gaps between letters belong to the region."""
    text = draw_text(draft)
    if text is None:
        return None
    window, coverage, height = text
    image, rng = draft.image, draft.rng
    values = image[window].astype(np.float32)
    colour = np.array(_COLOURS[rng.integers(len(_COLOURS))], np.float32)
    if rng.random() < 0.4:  # a colour of the image, as of a sign or a label
        colour = image[int(rng.integers(image.shape[0])), int(rng.integers(image.shape[1]))].astype(np.float32)
    if np.abs(values.mean((0, 1)) - colour).max() < 50:
        colour = 255 - colour
    if rng.random() < 0.3:  # an outline or a shadow
        shadow = cv2.dilate(coverage, np.ones((3, 3), np.uint8)) if rng.random() < 0.5 else np.roll(coverage, 2, (0, 1))
        values += shadow[:, :, None] * ((0 if colour.mean() > 100 else 255) - values)
    values += np.float32(rng.uniform(0.75, 1.0)) * coverage[:, :, None] * (colour - values)
    if rng.random() < 0.3:
        values = np.where(coverage[:, :, None] > 0, values + rng.normal(0, 4, values.shape).astype(np.float32), values)
    forged, mask = image.copy(), np.zeros(image.shape[:2], bool)
    forged[window] = to_uint8(values)
    mask[window] = block(coverage, height)
    return forged, mask & ~draft.occupied, {"text": True, "edge": "antialiased", "colours": "none", "grain": False}


def _words(rng: np.random.Generator, length: int) -> str:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    length, text = int(rng.integers(3, max(4, length) + 1)), ""
    while len(text) < length:
        letters = list(kinds[rng.choice(3, p=[0.5, 0.25, 0.25])])
        text += "".join(rng.choice(letters, int(rng.integers(2, 8)))) + " "
    return text[:length].strip() or "A1"


def _pillow(text: str, height: int) -> np.ndarray:
    cache = getattr(_OWN, "font", None)
    if cache is None:
        cache = _OWN.font = functools.lru_cache(64)(lambda size: ImageFont.load_default(size))
    font = cache(height)
    left, top, right, bottom = font.getbbox(text)
    canvas = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), text, fill=255, font=font)
    return np.array(canvas)


def _opencv(text: str, height: int, font: int, bold: bool) -> np.ndarray:
    thick = max(1, round(height / (9 if bold else 16)))
    scale = cv2.getFontScaleFromHeight(font, max(6, round(0.7 * height)), thick)
    (width, tall), base = cv2.getTextSize(text, font, scale, thick)
    canvas = np.zeros((tall + base + thick + 2, width + thick + 2), np.uint8)
    cv2.putText(canvas, text, (1, tall + 1), font, scale, 255, thick, cv2.LINE_AA)
    return canvas


def _turn(page: np.ndarray, angle: float) -> np.ndarray:
    turn = np.deg2rad(angle)
    size = (
        int(page.shape[1] * abs(np.cos(turn)) + page.shape[0] * abs(np.sin(turn))) + 1,
        int(page.shape[0] * abs(np.cos(turn)) + page.shape[1] * abs(np.sin(turn))) + 1,
    )
    matrix = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), angle, 1.0)
    matrix[:, 2] = matrix[:, 2] + np.array(size) / 2 - np.array(page.shape[::-1]) / 2
    return cv2.warpAffine(page, matrix, size, flags=cv2.INTER_LINEAR)
