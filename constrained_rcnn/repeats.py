"""Regions that occur twice in a picture: what copy-move leaves, found by matching the picture with itself.

No network and no training. SIFT keypoints (Lowe, IJCV 2004) are matched among themselves by the generalised ratio
test (Amerini et al., TIFS 2011), and once more with mirrored descriptors; RANSAC finds transforms that many matches
share; and of each, what it maps on what is compared pixel by pixel, after smooth shading is taken out: a copy shares
the finest structure, two windows of one facade only their outlines, two words on a card all but the grain (see
:mod:`.grain`). Regions without texture have no keypoints and are missed; text, lettering and drawings are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .data.image_io import check_image
from .grain import Grain, grain_of
from .keypoints import keypoints, mirrored
from .likeness import SMALLEST, alike, drawn, reduced, warped
from .region_pair import RegionPair, scale_of

#: Least agreement of two regions, median correlation of their fine structure, to be told by itself. Mirrored ones must
#: agree more closely: the world is full of symmetric things. Like what follows chosen with casia_v1_train and half of
#: CASIA's authentic images (odd numbers).
LEAST_SIMILARITY, LEAST_SIMILARITY_MIRRORED = 0.84, 0.9
#: How much less alike the regions may be where they share their grain beyond doubt.
_LESS_WITH_GRAIN = 0.07
#: Least agreement of doubtful pairs, which need another witness.
LEAST_SIMILARITY_DOUBTFUL = 0.65
#: Most keypoints, strongest first, and pixels of the picture in which they are looked for, which is reduced to that:
#: time grows with the square of the one and with the other.
_KEYPOINTS, _DETECTION_AREA = 6000, 600_000
#: Matches at a distance of less than this are neighbours, not copies; pixels.
_APART = 16
#: A match is kept when its distance is below this share of the next one's, and below the second value in all.
_RATIO, _FARTHEST = 0.6, 0.5
#: Keypoints that are compared with all others at a time, and every how many of the others are taken for a first look.
_BLOCK, _SOME = 256, 8
#: Copies of one keypoint that are followed up.
_COPIES = 6
#: Fewest keypoints that must agree on a transform, and how closely, pixels.
_AGREEING, _TOLERANCE = 5, 2.0
#: Scales of the second region over the first that are believed.
_SCALES = (0.4, 2.5)
#: Around agreeing keypoints, pixels that are looked at first. Half of it is more than all windows reach.
_MARGIN = 48
#: Transforms that are looked at in one picture.
_ROUNDS = 6


@dataclass(frozen=True)
class Repeat(RegionPair):
    """A region that occurs twice. Which of the two is the original, the picture does not say.

    Its ``similarity`` is at least ``LEAST_SIMILARITY_DOUBTFUL``.

    Attributes:
        grain: whether the two have their grain in common, as copies do.
    """

    grain: Grain

    @property
    def doubtful(self) -> bool:
        """Too little alike, or alike but for the grain: not to be told without another witness."""
        least = LEAST_SIMILARITY_MIRRORED if self.mirrored else LEAST_SIMILARITY
        return self.grain.apart or self.similarity < least - _LESS_WITH_GRAIN * self.grain.same


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


def _keypoints(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 2) and descriptors (N, 128) of the picture's keypoints, float32, see :func:`.keypoints.keypoints`.

    Looked for in a copy of at most ``_DETECTION_AREA``.
    """
    height, width = grey.shape
    factor = (_DETECTION_AREA / grey.size) ** 0.5
    if factor >= 1:
        return keypoints(grey, _KEYPOINTS)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    points, descriptors = keypoints(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), _KEYPOINTS)
    return (points + 0.5) * np.float32([width / size[0], height / size[1]]) - 0.5, descriptors


def _nearest(points: np.ndarray, descriptors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each keypoint, (N,) float32: cosine of its descriptor with the most similar one of a keypoint that is apart.

    ``descriptors @ others.T`` is symmetric, so one half of it is enough.
    """
    order = points[:, 1].argsort(kind="stable")  # neighbours stand together
    points, descriptors, others = points[order], descriptors[order], others[order]
    down = points[:, 1]
    nearest = np.full(len(points), -np.inf, np.float32)
    space = np.empty(_BLOCK * len(points), np.float32)  # used again and again: fresh memory costs more than the product
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(points)))
        shape = rows.stop - start, len(points) - start
        cosines = space[: shape[0] * shape[1]].reshape(shape)
        np.matmul(descriptors[rows], others[start:].T, out=cosines)
        stop = start + np.searchsorted(down[start:], down[rows][-1] + _APART)
        cosines[:, : stop - start][_neighbours(points[rows], points[start:stop])] = -np.inf
        np.maximum(nearest[rows], cosines.max(axis=1), out=nearest[rows])
        np.maximum(nearest[start:], cosines.max(axis=0), out=nearest[start:])
    result = np.empty_like(nearest)
    result[order] = nearest
    return result


def _cosines(points, descriptors, others, rows, columns) -> np.ndarray:
    """``descriptors @ others.T``, some of its rows and columns; minus infinity between neighbours."""
    cosines = descriptors[rows] @ others[columns].T
    cosines[_neighbours(points[rows], points[columns])] = -np.inf
    return cosines


def _neighbours(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which keypoints, (N, 2) and (M, 2), are closer than ``_APART``: (N, M) bool."""
    across, down = (np.subtract.outer(some[:, axis], others[:, axis]) for axis in (0, 1))
    return across * across + down * down < _APART**2


def _self_matches(points: np.ndarray, descriptors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pairs (M, 2) of indices: keypoints whose descriptor stands out as like another's, some distance apart.

    ``others`` are the descriptors or the mirrored ones.
    """
    pairs = [np.zeros((0, 2), int)]
    if len(points) <= _COPIES + 1:
        return pairs[0]
    nearest = _nearest(points, descriptors, others)
    promising = np.flatnonzero(nearest > 1 - _FARTHEST**2 / 2)
    # Most resemble too many others: told by some of these, and without sorting.
    rival = 1 - (1 - nearest) / _RATIO**2
    some = np.arange(0, len(points), _SOME)
    cosines = _cosines(points, descriptors, others, promising, some)
    promising = promising[np.count_nonzero(cosines > rival[promising, None], axis=1) <= _COPIES]
    for start in range(0, len(promising), _BLOCK):
        rows = promising[start : start + _BLOCK]
        cosines = _cosines(points, descriptors, others, rows, slice(None))
        few = np.count_nonzero(cosines > rival[rows, None], axis=1) <= _COPIES
        rows, cosines = rows[few], cosines[few]
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
    window, near, aligned, found = _alike_around(grey, transform, agreeing)
    first, second, matches = np.zeros(grey.shape, bool), np.zeros(grey.shape, bool), 0
    for part in found.parts:
        region = np.zeros(grey.shape, bool)
        region[window] = found.labels == part
        if second[region].mean() > 0.5:  # a twin already: half a turn, say, leads from the copy back as well
            continue
        first |= region
        second |= cv2.warpAffine(region.view(np.uint8), transform, (width, height), flags=cv2.INTER_NEAREST) > 0
        matches += int(found.held[part])
    if not second.any() or second[first].mean() > 0.5 or drawn(near, first[window]):  # nothing, or mapped on itself
        return None
    similarity = float(np.median(found.fine[first[window]]))
    if similarity < LEAST_SIMILARITY_DOUBTFUL:
        return None
    grain = grain_of(near, aligned, first[window])
    if grain.lettering:
        return None
    return Repeat.of(first, second, (size, size), transform, matches=matches, similarity=similarity, grain=grain)


def _alike_around(grey: np.ndarray, transform: np.ndarray, agreeing: np.ndarray):
    """Where the picture and its mapped self are alike: looked at around the keypoints, and further where that reaches.

    Returns:
        A window of the picture (two slices); the picture and its mapped self there, (h, w) float32; :class:`Alike`.
    """
    smallest = SMALLEST * grey.size
    low, high = agreeing.min(axis=0), agreeing.max(axis=0) + 1
    margin = np.maximum(_MARGIN, (high - low) // 2)
    while True:
        low, high = np.maximum(low - margin, 0), np.minimum(high + margin, grey.shape[::-1])
        window = slice(low[1], high[1]), slice(low[0], high[0])
        near = grey[window]
        aligned = warped(grey, _onto(transform, low), near.shape, inverse=True)
        found = alike(near, aligned, agreeing - low, smallest)
        held = np.isin(found.labels, found.parts)
        # What the windows reach past an edge that is not the picture's would be wrong: look further.
        reach = _MARGIN // 2
        edges = (
            (low[0] > 0 and held[:, :reach].any(), low[1] > 0 and held[:reach].any()),
            (high[0] < grey.shape[1] and held[:, -reach:].any(), high[1] < grey.shape[0] and held[-reach:].any()),
        )
        if not np.any(edges):
            return window, near, aligned, found
        margin = high - low


def _onto(transform: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The transform (2, 3) for pixels that are counted from a corner (X, Y) of the first region's picture."""
    moved = transform.copy()
    moved[:, 2] += transform[:, :2] @ corner
    return moved


def _area(one: Repeat) -> int:
    return int(one.first.sum())


def _same(one: Repeat, other: Repeat) -> bool:
    """Whether most of a pair is within another, either way round: found once more, from the other end."""
    ways = ((other.first, other.second), (other.second, other.first))
    return any(first[one.first].mean() > 0.5 and second[one.second].mean() > 0.5 for first, second in ways)
