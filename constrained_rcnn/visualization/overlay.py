"""Drawings of results: overlays a person can read, and rows that set probe, truth and map side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..data.techniques import COLOURS, TAMPERED
from ..images.icc import to_srgb

#: Opacity of the map's colour where the map is 1.
OPACITY = 0.65
#: Longest side of an overlay, pixels; larger images are reduced.
LONGEST = 2048
#: Thumbnails: the box that each of the two images fits into, (width, height) in pixels, and the gap between them.
THUMBNAIL, THUMBNAIL_GAP = (300, 150), 4


class LabelledBox(NamedTuple):
    """A box as it is drawn; a :class:`~constrained_rcnn.inference.result.Detection` has the same three attributes.

    Attributes:
        technique: decides the colour.
        score: in [0, 1].
        box: XYXY, pixels of the image, exclusive on the right and below.
    """

    technique: str
    score: float
    box: Sequence[float]


def heat(manipulation_map: np.ndarray) -> np.ndarray:
    """Colours a map. Args: (H, W) float in [0, 1]. Returns: (H, W, 3) uint8 BGR, dark = 0, bright = 1."""
    return cv2.applyColorMap(np.rint(np.clip(manipulation_map, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)


def overlay(
    image: np.ndarray,
    manipulation_map: np.ndarray,
    boxes: Sequence[LabelledBox] = (),
    threshold: float = 0.0,
    *,
    line: str = "",
    longest: int = LONGEST,
) -> np.ndarray:
    """Draws a map and boxes over their image.

    The image fades to grey and darkens so that colour means evidence alone; the map shines through in
    proportion to its value; boxes above the threshold carry technique and score.

    Args:
        image: (H, W, 3) uint8, BGR.
        manipulation_map: (H, W) float in [0, 1].
        boxes: best score first, so that the best lies on top.
        threshold: of the boxes' scores.
        line: written below.
        longest: side of what is drawn, pixels.

    Returns:
        (h + the line's, w, 3) uint8, BGR; h and w are the image's, or reduced so that the longer is ``longest``.
    """
    scaled = min(1.0, longest / max(image.shape[:2]))
    if scaled < 1:
        size = tuple(max(1, round(side * scaled)) for side in image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        manipulation_map = cv2.resize(manipulation_map, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32) * 0.75
    alpha = np.clip(manipulation_map, 0, 1)[..., None] * OPACITY
    canvas = np.rint(grey * (1 - alpha) + heat(manipulation_map) * alpha).astype(np.uint8)
    scale = text_scale(image.shape)
    for box in reversed(boxes):
        if box.score > threshold:
            _draw_box(canvas, box, scaled, scale)
    return np.concatenate([canvas, caption(line, image.shape[1], scale)]) if line else canvas


def thumbnail_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of one half of a thumbnail, for an image of that size; pixels, at least 1."""
    scaled = min(THUMBNAIL[0] / width, THUMBNAIL[1] / height)
    return max(1, round(width * scaled)), max(1, round(height * scaled))


def thumbnail(
    image: np.ndarray,
    manipulation_map: np.ndarray,
    boxes: Sequence[LabelledBox] = (),
    threshold: float = 0.0,
    *,
    profile: bytes = b"",
) -> np.ndarray:
    """The image and, right of it, its overlay, small.

    Args:
        image, manipulation_map, boxes, threshold: see :func:`overlay`.
        profile: the colour profile by which the image is to be shown; empty: it is sRGB.

    Returns:
        (h, 2 * w + ``THUMBNAIL_GAP``, 3) uint8, BGR; w and h from :func:`thumbnail_size`.
    """
    size = thumbnail_size(image.shape[1], image.shape[0])
    overlaid = overlay(image, manipulation_map, boxes, threshold, longest=2 * max(THUMBNAIL))
    halves = [cv2.resize(half, size, interpolation=cv2.INTER_AREA) for half in (image, overlaid)]
    gap = np.full((size[1], THUMBNAIL_GAP, 3), 128, np.uint8)
    return np.concatenate([to_srgb(halves[0], profile), gap, halves[1]], axis=1)


def caption(text: str, width: int, scale: float) -> np.ndarray:
    """A strip with one line of text, shrunk to fit. Returns (h, width, 3) uint8."""
    (text_width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    # Of any text of this scale, so that strips side by side are of one height.
    (_, text_height), baseline = cv2.getTextSize("Ag", cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    fitted = scale * min(1.0, (width - 8) / max(text_width, 1))
    strip = np.full((text_height + baseline + 8, width, 3), 24, np.uint8)
    thickness = max(1, round(fitted * 1.5))
    origin = (4, strip.shape[0] - baseline - 4)
    cv2.putText(strip, text, origin, cv2.FONT_HERSHEY_SIMPLEX, fitted, (240, 240, 240), thickness, cv2.LINE_AA)
    return strip


def text_scale(shape) -> float:
    """Font scale that stays readable from thumbnails to camera originals. Args: (H, W, ...) of the image."""
    return max(0.4, min(shape[:2]) / 900)


def side_by_side(panels: list[tuple[str, np.ndarray]], height: int = 240) -> np.ndarray:
    """Sets images in a row, under their titles.

    Args:
        panels: (title, (H, W, 3) uint8 BGR).
        height: of the images in the row, pixels.

    Returns:
        (h, w, 3) uint8, BGR.
    """
    columns = []
    for title, image in panels:
        width = max(1, round(image.shape[1] * height / image.shape[0]))
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        columns.append(np.concatenate([caption(title, width, 0.45), scaled]))
        columns.append(np.full((columns[0].shape[0], 4, 3), 255, np.uint8))
    return np.concatenate(columns[:-1], axis=1)


def grid(rows: list[list[np.ndarray]], gap: int = 10) -> np.ndarray:
    """Sets images out in rows on white.

    Args:
        rows: (H, W, 3) uint8 BGR images.
        gap: between them, pixels.

    Returns:
        (h, w, 3) uint8, BGR.
    """
    height = sum(max(image.shape[0] for image in row) for row in rows) + gap * (len(rows) - 1)
    width = max(sum(image.shape[1] for image in row) + gap * (len(row) - 1) for row in rows)
    canvas = np.full((height, width, 3), 255, np.uint8)
    top = 0
    for row in rows:
        left = 0
        for image in row:
            canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
            left += image.shape[1] + gap
        top += max(image.shape[0] for image in row) + gap
    return canvas


def _draw_box(canvas: np.ndarray, box: LabelledBox, scaled: float, scale: float) -> None:
    x1, y1, x2, y2 = (int(round(v * scaled)) for v in box.box)
    colour = COLOURS.get(box.technique, COLOURS[TAMPERED])[::-1]
    thickness = max(1, round(2 * scale))
    cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), colour, thickness)
    label = f"{box.technique} {box.score:.2f}"
    (width, height), baseline = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    # Above the box where there is room, else inside it; never over the right border.
    left = max(0, min(x1, canvas.shape[1] - width - 4))
    bottom = y1 if y1 >= height + baseline + 2 else y1 + height + baseline + 2
    cv2.rectangle(canvas, (left, bottom - height - baseline - 2), (left + width + 4, bottom), colour, -1)
    origin = (left + 2, bottom - baseline)
    cv2.putText(canvas, label, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), thickness, cv2.LINE_AA)
