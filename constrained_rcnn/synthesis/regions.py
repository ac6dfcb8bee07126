"""Which pixels to forge: annotated objects, segments of the image itself, or smooth random shapes."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np

from ..matching.difference import fill_holes
from ..utils.errors import UserError
from . import object_like
from .masks import largest_part
from .presets import Preset

#: Segments are found on a copy with this many pixels on its longest side: outlines of objects, not of
#: texture.
_SEGMENT_SIDE = 128


def smooth_shape(size: tuple[int, int], area: float, rng: np.random.Generator) -> np.ndarray:
    """A closed smooth outline: a circle whose radius varies by a few random harmonics, stretched and turned.

    Args:
        size: (height, width) of the canvas, pixels.
        area: wanted area, pixels. The shape is scaled to it before it is drawn.

    Returns:
        H x W bool, the shape wholly inside the canvas where it can be.
    """
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = np.ones_like(angle)
    for harmonic in range(2, 7):
        radius += rng.normal(0, 0.45 / harmonic) * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.25)
    stretch, turn = np.sqrt(rng.uniform(0.5, 2.0)), rng.uniform(0, np.pi)
    x, y = radius * np.cos(angle) * stretch, radius * np.sin(angle) / stretch
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    enclosed = 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    points *= np.sqrt(area / enclosed)
    low, high = points.min(0), points.max(0)
    room = np.array([size[1], size[0]]) - 2
    points *= min(1.0, float((room / (high - low)).min()))
    low, high = points.min(0), points.max(0)
    points += rng.uniform(1 - low, np.maximum(1 - low, room - high + 1))
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 1)
    return canvas.astype(bool)


def geometric_shape(size: tuple[int, int], area: float, rng: np.random.Generator) -> np.ndarray:
    """What a selection tool draws in one move: an upright rectangle or an ellipse.

    Args:
        size: (height, width) of the canvas, pixels.
        area: wanted area, pixels.

    Returns:
        H x W bool, the shape wholly inside the canvas, cut to its sides where it is larger.
    """
    round_one, ratio = bool(rng.random() < 0.4), float(np.exp(rng.uniform(-0.8, 0.8)))
    box = area * (4 / np.pi if round_one else 1.0)
    height, width = (
        int(min(side - 2, max(4, length))) for side, length in zip(size, np.sqrt([box / ratio, box * ratio]))
    )
    top, left = int(rng.integers(1, size[0] - height)), int(rng.integers(1, size[1] - width))
    canvas = np.zeros(size, np.uint8)
    if round_one:
        middle = (left + (width - 1) / 2, top + (height - 1) / 2)
        cv2.ellipse(canvas, (middle, (width, height), 0.0), 1, cv2.FILLED)
    else:
        canvas[top : top + height, left : left + width] = 1
    return canvas.astype(bool)


class Segments:
    """The segments of an image, found once when first asked for (Felzenszwalb and Huttenlocher's method).

    Args:
        image: H x W x 3 uint8 RGB.
        objects: H x W bool each, annotated objects on the image's grid, not empty. Where there are any,
            regions are drawn from them alone.
    """

    def __init__(self, image: np.ndarray, objects: Sequence[np.ndarray] = ()):
        self.image = image
        self.objects = list(objects)
        self.size = image.shape[:2]
        self._labels: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        """h x w int labels on a reduced copy, longest side ``_SEGMENT_SIDE`` pixels at most."""
        if self._labels is None:
            try:
                from skimage.segmentation import felzenszwalb
            except ImportError:
                raise UserError("segments need scikit-image: pip install scikit-image") from None
            self._labels = felzenszwalb(self.reduced, scale=80, sigma=0.8, min_size=40)
        return self._labels

    @functools.cached_property
    def reduced(self) -> np.ndarray:
        """h x w x 3 uint8 RGB, the copy that segments are found on."""
        height, width = self.size
        ratio = min(1.0, _SEGMENT_SIDE / max(height, width))
        size = (max(8, round(width * ratio)), max(8, round(height * ratio)))
        return cv2.resize(self.image, size, interpolation=cv2.INTER_AREA)

    def draw(self, area: float, rng: np.random.Generator) -> np.ndarray | None:
        """A segment, grown by its neighbours up to the wanted area, with a smoothed outline.

        Args:
            area: wanted area, pixels of the image.

        Returns:
            H x W bool, one connected region without holes of 0.4 to 1.6 times the area, or None where there
            is none.
        """
        mask = self.grow(area, rng)
        mask = None if mask is None else self.enlarge(mask)
        return mask if mask is not None and 0.4 * area <= mask.sum() <= 1.6 * area else None

    def grow(self, area: float, rng: np.random.Generator) -> np.ndarray | None:
        """As ``draw``, on the reduced copy and not yet smoothed: h x w bool like ``labels``."""
        labels = self.labels
        target = area * labels.size / (self.size[0] * self.size[1])
        sizes = np.bincount(labels.ravel())
        candidates = np.flatnonzero(sizes <= 1.3 * target)
        if not len(candidates):
            return None
        mask = labels == rng.choice(candidates, p=sizes[candidates] / sizes[candidates].sum())
        while mask.sum() < 0.75 * target:  # every round adds a segment, so it ends
            ring = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~mask
            neighbours = np.unique(labels[ring])
            fitting = [n for n in neighbours if mask.sum() + sizes[n] <= 1.4 * target]
            if not fitting:
                break
            mask |= labels == rng.choice(fitting)
        return mask

    def enlarge(self, mask: np.ndarray) -> np.ndarray:
        """A mask on the reduced copy -> H x W bool, one connected part without holes.

        Its outline is smoothed on the reduced copy: the enlarged one would show its stairs.
        """
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
        soft = cv2.resize(soft, self.size[::-1], interpolation=cv2.INTER_CUBIC)
        return fill_holes(largest_part(soft > 0.5))


def draw_object_like(segments: Segments, area: float, rng: np.random.Generator) -> np.ndarray | None:
    """A region that passes for an object: the best of a few grown segments, its outline refined.

    Args:
        segments: of the image.
        area: wanted area, pixels.

    Returns:
        H x W bool, 0.4 to 1.8 times the area; None where the image shows nothing of the kind.
    """
    grown = [segments.grow(area * factor, rng) for factor in (0.6, 0.8, 1, 1.3) for _ in range(3)]
    grown = [mask for mask in grown if mask is not None]
    seed = int(rng.integers(2**31))
    if not grown:
        return None
    scores = object_like.scores(grown, segments.reduced)
    if scores.max() <= 0:
        return None
    best = grown[int(np.argmax(scores))]
    for region in (object_like.refine(segments.image, best, seed), segments.enlarge(best)):
        if 0.4 * area <= region.sum() <= 1.8 * area and object_like.compactness(region) >= object_like.COMPACT:
            return region
    return None


def draw_region(segments: Segments, area: float, preset: Preset, rng: np.random.Generator) -> np.ndarray:
    """A region of about ``area`` pixels: an object where the image has annotated ones, else a segment or a
    smooth shape, as often as the preset says.

    Args:
        segments: of the image.
        area: wanted area, pixels. Objects are as large as they are; those near it are drawn more often.

    Returns:
        H x W bool.
    """
    if segments.objects:
        odds = np.array([np.log(mask.sum() / area) for mask in segments.objects])
        # A factor of two costs a factor of about four in the odds.
        odds = np.exp(-2 * (np.abs(odds) - np.abs(odds).min()))
        if preset.object_like:
            odds *= object_like.scores(segments.objects, segments.image) + 0.1
        return segments.objects[rng.choice(len(odds), p=odds / odds.sum())]
    if preset.geometric and rng.random() < preset.geometric:
        return geometric_shape(segments.size, area, rng)
    if preset.object_like and rng.random() < preset.object_like:
        region = draw_object_like(segments, area, rng)
        if region is not None:
            return region
    region = segments.draw(area, rng) if rng.random() < preset.segments else None
    return smooth_shape(segments.size, area, rng) if region is None else region
