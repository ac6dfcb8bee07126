"""What people select in a photo: a wand's connected colours, a lasso's line, a brush's stroke, plain shapes."""

from __future__ import annotations

import cv2
import numpy as np

from ..matching.difference import fill_holes
from . import object_like
from .editing import Editing, draw_kind
from .masks import largest_part
from .regions import Segments, draw_object_like, smooth_shape

#: Longest side in pixels of the copy on which the wand looks for connected colours.
_SIDE = 160


def select(segments: Segments, area: float, editing: Editing, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A region of about ``area`` pixels and how it was selected.

    Args:
        segments: of the photo, with its annotated objects.
        area: wanted area, pixels. Objects are as large as they are; those near it are drawn more often.

    Returns:
        H x W bool, not empty, and a kind of ``Editing.selections`` or "annotated".
    """
    size = segments.size
    if segments.objects and rng.random() < editing.objects:
        odds = np.array([abs(np.log(mask.sum() / area)) for mask in segments.objects])
        odds = np.exp(-(odds - odds.min()))
        return segments.objects[rng.choice(len(odds), p=odds / odds.sum())], "annotated"
    kind = draw_kind(editing.selections, rng)
    area = min(area, 0.8 * size[0] * size[1])
    region = None
    if kind == "object":
        region = draw_object_like(segments, area, rng)
    elif kind in ("wand", "lasso"):
        region = wand(segments.image, area, rng)
        if region is not None and kind == "lasso":
            region = lasso(region, rng)
    elif kind in ("rectangle", "ellipse"):
        region = plain_shape(size, area, kind, rng)
    if region is None or not region.any():
        region, kind = smooth_shape(size, area, rng), "brush"
    return region, kind


def wand(image: np.ndarray, area: float, rng: np.random.Generator, tries: int = 6) -> np.ndarray | None:
    """The magic wand: pixels connected to one point and near it in colour; the tolerance is chosen for the area.

    Args:
        image: H x W x 3 uint8 RGB.
        area: wanted area, pixels.
        tries: points tried. A compact selection with something in it wins: plain pieces of wall are not what people
            cut out, and plain things must not come to look forged.

    Returns:
        H x W bool, one part without holes of 0.4 to 1.8 times the area; None where no point gave one.
    """
    height, width = image.shape[:2]
    ratio = min(1.0, _SIDE / max(height, width))
    size = (max(16, round(width * ratio)), max(16, round(height * ratio)))
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 1.2)
    small = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    target = area * size[0] * size[1] / (height * width)
    candidates = []
    for _ in range(tries):
        seed = int(rng.integers(size[0])), int(rng.integers(size[1]))
        low, high, best = 1.0, 90.0, None
        for _ in range(7):
            tolerance = (low * high) ** 0.5
            flags = 8 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
            mask = np.zeros((size[1] + 2, size[0] + 2), np.uint8)
            count = cv2.floodFill(small, mask, seed, 0, (tolerance,) * 3, (tolerance,) * 3, flags)[0]
            if 0.6 * target <= count <= 1.4 * target:
                best = mask[1:-1, 1:-1]
                break
            low, high = (tolerance, high) if count < target else (low, tolerance)
        if best is not None:
            best = cv2.morphologyEx(best, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
            candidates.append(fill_holes(cv2.medianBlur(best, 5).astype(bool)))
    candidates = [mask for mask in candidates if mask.any()]
    if not candidates:
        return None
    detail = [object_like.compactness(mask) * (3 + small[mask].std(0).sum()) for mask in candidates]
    best = candidates[int(np.argmax(detail))]
    soft = cv2.GaussianBlur(best.astype(np.float32), (0, 0), 0.8)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    mask = fill_holes(largest_part(soft > 0.5))
    return mask if 0.4 * area <= mask.sum() <= 1.8 * area else None


def lasso(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hand-drawn line around an H x W bool mask: its hull or outline, widened, with few corners and a tremble."""
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outline, key=len)
    reach = np.sqrt(mask.sum())
    if rng.random() < 0.5:
        outline = cv2.convexHull(outline)
    points = cv2.approxPolyDP(outline, reach * rng.uniform(0.01, 0.06), True)[:, 0].astype(np.float32)
    middle = points.mean(0)
    points = middle + (points - middle) * rng.uniform(1.0, 1.15) + rng.normal(0, 0.015 * reach, points.shape)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 1)
    return largest_part(canvas.astype(bool))


def plain_shape(size: tuple[int, int], area: float, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A rectangle or an ellipse, upright or turned a little.

    Args:
        size: (height, width) of the canvas, pixels.
        area: wanted area, pixels.
        kind: "rectangle" or "ellipse".

    Returns:
        H x W bool, not empty; its middle lies so that most of it is on the canvas.
    """
    ratio, turn = float(np.exp(rng.uniform(-0.8, 0.8))), float(rng.uniform(-20, 20)) * (rng.random() < 0.3)
    box = area * (4 / np.pi if kind == "ellipse" else 1.0)
    sides = [max(4.0, min(1.0 * side, length)) for side, length in zip(size[::-1], np.sqrt([box * ratio, box / ratio]))]
    middle = [float(rng.uniform(0.45 * side, large - 0.45 * side)) for side, large in zip(sides, size[::-1])]
    canvas = np.zeros(size, np.uint8)
    if kind == "ellipse":
        cv2.ellipse(canvas, (middle, sides, turn), 1, cv2.FILLED)
    else:
        cv2.fillPoly(canvas, [np.rint(cv2.boxPoints((middle, sides, turn))).astype(np.int32)], 1)
    return canvas.astype(bool)


def brush_strokes(mask: np.ndarray, radius: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Strokes that cover an H x W bool mask: each a few points (n x 2 float, x and y) joined by straight lines."""
    rows, columns = np.nonzero(mask)
    left = mask.copy()
    strokes = []
    for _ in range(60):
        if not left.any():
            break
        rows, columns = np.nonzero(left)
        start = int(rng.integers(len(rows)))
        point, heading = np.array([columns[start], rows[start]], float), rng.uniform(0, 2 * np.pi)
        points = [point]
        for _ in range(int(rng.integers(1, 6))):
            heading += rng.normal(0, 0.5)
            point = point + 1.3 * radius * np.array([np.cos(heading), np.sin(heading)])
            x, y = np.rint(point).astype(int)
            if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x]):
                break
            points.append(point)
        strokes.append(np.array(points))
        painted = left.astype(np.uint8)
        cv2.polylines(painted, [np.rint(points).astype(np.int32)], False, 0, max(1, round(1.7 * radius)))
        left = painted.astype(bool)
    return strokes


def draw_stroke(size: tuple[int, int], points: np.ndarray, radius: float, softness: float) -> np.ndarray:
    """Opacity of a stroke, H x W float32 in [0, 1]; ``softness`` 0 is a hard pen, 1 an airbrush."""
    canvas = np.zeros(size, np.uint8)
    thick = max(1, round(2 * radius * (1 - 0.5 * softness)))
    cv2.polylines(canvas, [np.rint(points * 8).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 3)
    alpha = canvas.astype(np.float32) / 255
    return cv2.GaussianBlur(alpha, (0, 0), 0.4 * radius * softness) if softness * radius > 1 else alpha
