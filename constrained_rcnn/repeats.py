"""Regions that occur twice in a picture: what copy-move leaves, found by matching the picture with itself.

No network and no training. SIFT keypoints (Lowe, IJCV 2004) are matched among themselves by the generalised ratio
test (Amerini et al., TIFS 2011), and once more with mirrored descriptors; RANSAC finds transforms that many matches
share; and of each, what it maps on what is compared pixel by pixel, after smooth shading is taken out: a copy shares
the finest structure, two windows of one facade only their outlines. Regions without texture have no keypoints and are
missed; text and drawings are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .data.image_io import check_image
from .keypoints import keypoints, mirrored
from .likeness import alike, drawn, reduced, warped
from .region_pair import RegionPair, scale_of

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


class Repeat(RegionPair):
    """A region that occurs twice. Which of the two is the original, the picture does not say.

    Its ``similarity`` is at least ``LEAST_SIMILARITY_DOUBTFUL``.
    """

    @property
    def doubtful(self) -> bool:
        """Too little alike to be told without another witness."""
        return self.similarity < (LEAST_SIMILARITY_MIRRORED if self.mirrored else LEAST_SIMILARITY)


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
    points, descriptors = keypoints(grey, _KEYPOINTS)
    grey = grey.astype(np.float32)
    found = []
    for others, flipped in ((descriptors, False), (mirrored(descriptors), True)):
        pairs = _self_matches(points, descriptors, others)
        for transform, agreeing in _transforms(points, pairs, flipped):
            found.append(_compare(grey, transform, agreeing, size))
    kept = []
    # A doubtful pair must not stand in for its better twin.
    for one in sorted(filter(None, found), key=lambda one: (one.doubtful, -_area(one))):
        if (doubtful or not one.doubtful) and not any(_same(one, other) for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda one: -_area(one)))


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


def _transforms(points: np.ndarray, pairs: np.ndarray, flipped: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Transforms (2, 3) that many pairs share, and the positions (K, 2) that each maps on their twins.

    Turned, scaled and shifted; mirrored left to right before it if asked for.
    """
    flip = np.float32([-1 if flipped else 1, 1])
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
        if _SCALES[0] < scale_of(transform) < _SCALES[1]:
            yield transform, agreeing
        # Each pair has been found from both ends.
        back = cv2.invertAffineTransform(transform)
        reverse = np.abs(first @ back[:, :2].T + back[:, 2] - second).max(axis=1) < 1.5 * _TOLERANCE
        pairs = pairs[~inliers & ~reverse]


def _compare(grey: np.ndarray, transform: np.ndarray, agreeing: np.ndarray, size) -> Repeat | None:
    """The region around the agreeing keypoints in which the picture equals what the transform maps it on.

    ``size`` is the picture's (width, height), before it was reduced.
    """
    height, width = grey.shape
    found = alike(grey, warped(grey, transform, grey.shape, inverse=True), agreeing)
    first, second, matches = np.zeros(grey.shape, bool), np.zeros(grey.shape, bool), 0
    for part in found.parts:
        region = found.labels == part
        if second[region].mean() > 0.5:  # a twin already: half a turn, say, leads from the copy back as well
            continue
        first |= region
        second |= cv2.warpAffine(region.astype(np.uint8), transform, (width, height), flags=cv2.INTER_NEAREST) > 0
        matches += int(found.held[part])
    if not second.any() or second[first].mean() > 0.5 or drawn(grey, first):  # nothing, or mapped on itself
        return None
    similarity = float(np.median(found.fine[first]))
    if similarity < LEAST_SIMILARITY_DOUBTFUL:
        return None
    return Repeat.of(first, second, (size, size), transform, matches=matches, similarity=similarity)


def _area(one: Repeat) -> int:
    return int(one.first.sum())


def _same(one: Repeat, other: Repeat) -> bool:
    """Whether most of a pair is within another, either way round: found once more, from the other end."""
    ways = ((other.first, other.second), (other.second, other.first))
    return any(first[one.first].mean() > 0.5 and second[one.second].mean() > 0.5 for first, second in ways)
