"""Which pixels to forge: segments of the image itself, or smooth random shapes."""

from __future__ import annotations

import cv2
import numpy as np

from ...errors import UserError

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


class Segments:
    """The segments of an image, found once when first asked for (Felzenszwalb and Huttenlocher's method).

    Args:
        image: H x W x 3 uint8 RGB.
    """

    def __init__(self, image: np.ndarray):
        self.image = image
        self.size = image.shape[:2]
        self._labels = None

    @property
    def labels(self) -> np.ndarray:
        """h x w int labels on a reduced copy, longest side ``_SEGMENT_SIDE`` pixels at most."""
        if self._labels is None:
            try:
                from skimage.segmentation import felzenszwalb
            except ImportError:
                raise UserError("segments need scikit-image: pip install scikit-image") from None
            height, width = self.size
            ratio = min(1.0, _SEGMENT_SIDE / max(height, width))
            small_size = (max(8, round(width * ratio)), max(8, round(height * ratio)))
            small = cv2.resize(self.image, small_size, interpolation=cv2.INTER_AREA)
            self._labels = felzenszwalb(small, scale=80, sigma=0.8, min_size=40)
        return self._labels

    def draw(self, area: float, rng: np.random.Generator) -> np.ndarray | None:
        """A segment, grown by its neighbours up to the wanted area, with a smoothed outline.

        Args:
            area: wanted area, pixels of the image.

        Returns:
            H x W bool, one connected region without holes of 0.4 to 1.6 times the area, or None where there
            is none.
        """
        height, width = self.size
        labels = self.labels
        wanted = area * labels.size / (height * width)
        sizes = np.bincount(labels.ravel())
        candidates = np.flatnonzero(sizes <= 1.3 * wanted)
        if not len(candidates):
            return None
        mask = labels == rng.choice(candidates, p=sizes[candidates] / sizes[candidates].sum())
        while mask.sum() < 0.75 * wanted:  # every round adds a segment, so it ends
            ring = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~mask
            neighbours = np.unique(labels[ring])
            fitting = [n for n in neighbours if mask.sum() + sizes[n] <= 1.4 * wanted]
            if not fitting:
                break
            mask |= labels == rng.choice(fitting)
        # An outline smoothed on the reduced copy: the enlarged one would show its stairs.
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
        soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
        mask = fill_holes(largest_part(soft > 0.5))
        return mask if 0.4 * area <= mask.sum() <= 1.6 * area else None


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest connected part of an H x W bool mask (all false where there is none)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return np.zeros_like(mask)
    return labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def fill_holes(mask: np.ndarray) -> np.ndarray:
    """An H x W bool mask with its holes filled."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    return canvas.astype(bool)


def draw_region(segments: Segments, area: float, share: float, rng: np.random.Generator) -> np.ndarray:
    """A region of about ``area`` pixels: with probability ``share`` a segment, else a smooth shape.

    Args:
        segments: of the image.
        area: wanted area, pixels.

    Returns:
        H x W bool.
    """
    region = segments.draw(area, rng) if rng.random() < share else None
    return smooth_shape(segments.size, area, rng) if region is None else region
