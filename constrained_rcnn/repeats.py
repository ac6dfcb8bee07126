"""Regions that occur twice in a picture: what copy-move leaves, found by matching the picture with itself.

No network and no training. SIFT keypoints (Lowe, IJCV 2004) are matched among themselves by the generalised ratio
test (Amerini et al., TIFS 2011), and once more with mirrored descriptors; RANSAC finds transforms that many matches
share; and of each, what it maps on what is compared pixel by pixel, after smooth shading is taken out: a copy shares
the finest structure, two windows of one facade only their outlines. Regions without texture have no keypoints and are
missed; text and drawings are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .data.image_io import check_image

#: Longest side that is looked at, pixels; larger pictures are reduced.
WORKING_SIDE = 1600
#: Least agreement of two regions, median correlation of their fine structure, to be told by itself. Mirrored ones must
#: agree more closely: the world is full of symmetric things. Like what follows chosen with casia_v1_train and half of
#: CASIA's authentic images (odd numbers).
LEAST_SIMILARITY, LEAST_SIMILARITY_MIRRORED = 0.84, 0.9
#: Least agreement of doubtful pairs, which need another witness.
LEAST_SIMILARITY_DOUBTFUL = 0.65
#: Most keypoints, strongest first: time and memory grow with their square.
_KEYPOINTS = 6000
#: Matches at a distance of less than this are neighbours, not copies; pixels.
_APART = 16
#: A match is kept when its distance is below this share of the next one's, and below the second value in all.
_RATIO, _FARTHEST = 0.6, 0.5
#: Copies of one keypoint that are followed up.
_COPIES = 6
#: Fewest keypoints that must agree on a transform, and how closely, pixels.
_AGREEING, _TOLERANCE = 5, 2.0
#: Scales of the second region over the first that are believed.
_SCALES = (0.4, 2.5)
#: Transforms that are looked at in one picture.
_ROUNDS = 6
#: Window, pixels, and least correlation of fine structure and of grey values at one place.
_WINDOW, _FINE, _GREY = 9, 0.4, 0.6
#: Smallest region, as a share of the picture, and fewest keypoints in a connected part of it.
_SMALLEST, _KEYPOINTS_IN_PART = 0.0008, 3
#: What is drawn: around it, in pixels, the share of pixels amid a spread below the second number, grey levels, and the
#: share of one tone and its neighbours are together above the third.
_AROUND, _FLAT, _DRAWN = 15, 0.7, 0.75


@dataclass(frozen=True)
class Repeat:
    """A region that occurs twice. Which of the two is the original, the picture does not say.

    Attributes:
        first, second: (h, w) bool, the region and its twin, in the picture or, where it is longer than
            ``WORKING_SIDE``, in its reduced copy.
        first_box, second_box: XYXY around them, float, pixels of the picture.
        matches: keypoints that agree.
        similarity: median correlation of their fine structure, ``LEAST_SIMILARITY_DOUBTFUL`` to 1.
        mirrored: the second is the first mirrored left to right, then scaled and turned.
        scale, angle: of the second over the first; degrees, positive clockwise as shown.
    """

    first: np.ndarray
    second: np.ndarray
    first_box: tuple[float, float, float, float]
    second_box: tuple[float, float, float, float]
    matches: int
    similarity: float
    mirrored: bool
    scale: float
    angle: float

    @property
    def doubtful(self) -> bool:
        """Too little alike to be told without another witness."""
        return self.similarity < (LEAST_SIMILARITY_MIRRORED if self.mirrored else LEAST_SIMILARITY)

    def to_json(self) -> dict:
        """What JSON can hold: everything but the two regions."""
        return {
            "first_box": [round(side, 1) for side in self.first_box],
            "second_box": [round(side, 1) for side in self.second_box],
            "matches": self.matches,
            "similarity": round(self.similarity, 4),
            "mirrored": self.mirrored,
            "scale": round(self.scale, 4),
            "angle": round(self.angle, 2),
        }


def find_repeats(image: np.ndarray, *, doubtful: bool = False) -> tuple[Repeat, ...]:
    """
    Args:
        image: (H, W, 3) uint8, BGR.
        doubtful: doubtful pairs, too.

    Returns:
        Pairs of regions, largest first; empty where nothing occurs twice. Takes up to 0.7 GB while it looks.

    Raises:
        ValueError: an array of another shape or dtype.
    """
    size = check_image(image).shape[1::-1]
    image = reduced(image)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    points, descriptors = _keypoints(grey)
    grey = grey.astype(np.float32)
    found = []
    for mirrored in (False, True):
        pairs = _self_matches(points, descriptors, _mirrored(descriptors) if mirrored else descriptors)
        for transform, agreeing in _transforms(points, pairs, mirrored):
            found.append(_compare(grey, transform, agreeing, size))
    kept = []
    # A doubtful pair must not stand in for its better twin.
    for one in sorted(filter(None, found), key=lambda one: (one.doubtful, -_area(one))):
        if (doubtful or not one.doubtful) and not any(_same(one, other) for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: -_area(one)))


def reduced(image: np.ndarray) -> np.ndarray:
    """The picture with a longer side of at most ``WORKING_SIDE``; itself if that is so. Args: (H, W) or (H, W, 3)."""
    factor = min(1.0, WORKING_SIDE / max(image.shape[:2]))
    if factor < 1:
        size = tuple(max(1, round(side * factor)) for side in image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image


def _keypoints(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 2) float32, XY, and descriptors (N, 128) float32 of length 1: roots of SIFT's (RootSIFT)."""
    sift = cv2.SIFT_create(
        nfeatures=_KEYPOINTS, contrastThreshold=0.005, edgeThreshold=20, enable_precise_upscale=True
    )
    found, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    points = np.array([one.pt for one in found], np.float32)
    descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
    return points[:_KEYPOINTS], descriptors[:_KEYPOINTS].astype(np.float32)


def _mirrored(descriptors: np.ndarray) -> np.ndarray:
    """The descriptors that the same keypoints have in the mirrored picture.

    SIFT's 4 rows, 4 columns and 8 directions lie along the keypoint's own direction: mirrored, the rows are in reverse
    order and the directions run the other way round.
    """
    cells = descriptors.reshape(-1, 4, 4, 8)
    return cells[:, ::-1, :, -np.arange(8) % 8].reshape(descriptors.shape)


def _self_matches(points: np.ndarray, descriptors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pairs (M, 2) of indices: keypoints whose descriptor stands out as like another's, some distance apart."""
    if len(points) <= _COPIES + 1:
        return np.zeros((0, 2), int)
    pairs = []
    for start in range(0, len(points), 500):
        rows = np.arange(start, min(start + 500, len(points)))
        cosines = descriptors[rows] @ others.T
        across, down = (np.subtract.outer(points[rows, axis], points[:, axis]) for axis in (0, 1))
        cosines[across * across + down * down < _APART**2] = -np.inf
        # Most keypoints resemble nothing, or too many others: told without sorting.
        nearest = 2 - 2 * cosines.max(axis=1)  # squared distance
        rivals = np.count_nonzero(cosines > (1 - nearest / (2 * _RATIO**2))[:, None], axis=1)
        promising = (nearest < _FARTHEST**2) & (rivals <= _COPIES)
        rows, cosines = rows[promising], cosines[promising]
        closest = np.argpartition(cosines, -_COPIES - 1, axis=1)[:, -_COPIES - 1 :]
        values = np.take_along_axis(cosines, closest, axis=1)
        order = (-values).argsort(axis=1)
        closest, values = np.take_along_axis(closest, order, axis=1), np.take_along_axis(values, order, axis=1)
        values = np.sqrt(np.maximum(0, 2 - 2 * values))  # distances
        with np.errstate(invalid="ignore"):  # inf / inf, of keypoints with few others far enough
            ends = (values[:, :-1] < _FARTHEST) & (values[:, :-1] < _RATIO * values[:, 1:])
        # All up to the first gap are copies: two copies of one region would else hide each other.
        taken = (np.arange(_COPIES) <= ends.argmax(axis=1)[:, None]) & ends.any(axis=1)[:, None]
        one, rank = taken.nonzero()
        pairs.append(np.stack([rows[one], closest[one, rank]], axis=1))
    return np.concatenate(pairs)


def _transforms(points: np.ndarray, pairs: np.ndarray, mirrored: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Transforms (2, 3) that many pairs share, and the positions (K, 2) that each maps on their twins.

    Turned, scaled and shifted; mirrored left to right before it if asked for.
    """
    flip = np.float32([-1 if mirrored else 1, 1])
    for _ in range(_ROUNDS):
        if len(pairs) < _AGREEING:
            return
        first, second = points[pairs[:, 0]], points[pairs[:, 1]]
        transform, inliers = cv2.estimateAffinePartial2D(
            first * flip, second, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE, maxIters=5000, confidence=0.999
        )
        if transform is None:
            return
        transform[:, :2] *= flip
        inliers = inliers[:, 0].astype(bool)
        agreeing = np.unique(np.rint(first[inliers]).astype(int), axis=0)
        if len(agreeing) < _AGREEING:
            return
        if _SCALES[0] < _scale(transform) < _SCALES[1]:
            yield transform, agreeing
        # Each pair has been found from both ends.
        back = cv2.invertAffineTransform(transform)
        reverse = np.abs(first @ back[:, :2].T + back[:, 2] - second).max(axis=1) < 1.5 * _TOLERANCE
        pairs = pairs[~inliers & ~reverse]


def _scale(transform: np.ndarray) -> float:
    return float(np.hypot(transform[0, 0], transform[1, 0]))


def _compare(grey: np.ndarray, transform: np.ndarray, agreeing: np.ndarray, size) -> Repeat | None:
    """The region around the agreeing keypoints in which the picture equals what the transform maps it on.

    ``size`` is the picture's (width, height), before it was reduced.
    """
    height, width = grey.shape
    outside = -500.0
    aligned = cv2.warpAffine(
        grey, transform, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderValue=outside
    )
    inside = cv2.erode((aligned > -100).astype(np.uint8), np.ones((_WINDOW, _WINDOW), np.uint8)) > 0
    fine = _correlation(_fine(grey), _fine(aligned))
    alike = inside & (fine > _FINE) & (_correlation(grey, aligned) > _GREY)
    alike = cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(alike)
    x, y = agreeing[:, 0].clip(0, width - 1), agreeing[:, 1].clip(0, height - 1)
    held = np.bincount(labels[y, x], minlength=count)
    areas = statistics[:, cv2.CC_STAT_AREA]
    kept = (held >= _KEYPOINTS_IN_PART) & (areas >= _SMALLEST * grey.size)
    kept[0] = False  # what is not alike
    first, second, matches = np.zeros(grey.shape, bool), np.zeros(grey.shape, bool), 0
    for part in sorted(np.flatnonzero(kept), key=lambda part: -areas[part]):
        region = labels == part
        if second[region].mean() > 0.5:  # a twin already: half a turn, say, leads from the copy back as well
            continue
        first |= region
        second |= cv2.warpAffine(region.astype(np.uint8), transform, (width, height), flags=cv2.INTER_NEAREST) > 0
        matches += int(held[part])
    if not second.any() or second[first].mean() > 0.5 or _drawn(grey, first):  # nothing, or mapped on itself
        return None
    similarity = float(np.median(fine[first]))
    mirrored = bool(np.linalg.det(transform[:, :2]) < 0)
    if similarity < LEAST_SIMILARITY_DOUBTFUL:
        return None
    return Repeat(
        first=first,
        second=second,
        first_box=_box(first, size),
        second_box=_box(second, size),
        matches=matches,
        similarity=min(1.0, similarity),
        mirrored=mirrored,
        scale=_scale(transform),
        angle=float(np.degrees(np.arctan2(*transform[::-1, 0] * (-1 if mirrored else 1)))),
    )


def _drawn(grey: np.ndarray, region: np.ndarray) -> bool:
    """Whether the region is text or a drawing, which repeat by nature: much of one tone, and flat between its edges.

    Photographs have noise: of CASIA's copies (casia_v1_train) none is above 0.53, of the pages and drawings tried none
    below 1.
    """
    region = cv2.dilate(region.view(np.uint8), np.ones((2 * _AROUND + 1,) * 2, np.uint8)).view(bool)
    tones = np.convolve(np.bincount(grey[region].astype(np.uint8), minlength=256), np.ones(3))
    spread = np.sqrt(np.maximum(cv2.blur(grey * grey, (5, 5)) - cv2.blur(grey, (5, 5)) ** 2, 0))
    return bool((spread[region] < _FLAT).mean() + tones.max() / region.sum() > _DRAWN)


def _fine(grey: np.ndarray) -> np.ndarray:
    return grey - cv2.GaussianBlur(grey, (0, 0), 2)


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Correlation coefficient within a window around every pixel; 0 where either is flat, below half a grey level."""

    def mean(values):
        return cv2.blur(values, (_WINDOW, _WINDOW))

    one_mean, other_mean = mean(one), mean(other)
    variances = [np.maximum(mean(a * a) - m * m, 0.25) for a, m in ((one, one_mean), (other, other_mean))]
    return (mean(one * other) - one_mean * other_mean) / np.sqrt(variances[0] * variances[1])


def _area(one: Repeat) -> int:
    return int(one.first.sum())


def _same(one: Repeat, other: Repeat) -> bool:
    """Whether most of a pair is within another, either way round: found once more, from the other end."""
    ways = ((other.first, other.second), (other.second, other.first))
    return any(first[one.first].mean() > 0.5 and second[one.second].mean() > 0.5 for first, second in ways)


def _box(region: np.ndarray, size) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(region)
    across, down = size[0] / region.shape[1], size[1] / region.shape[0]
    sides = columns.min() * across, rows.min() * down, (columns.max() + 1) * across, (rows.max() + 1) * down
    return tuple(map(float, sides))
