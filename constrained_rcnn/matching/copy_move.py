"""Duplicated regions: what copy-move leaves in an image, found by matching its keypoints with each other.

No network and no training. SIFT keypoints (Lowe, IJCV 2004) are matched among themselves by the generalised ratio
test (Amerini et al., TIFS 2011), and once more with mirrored descriptors; RANSAC finds transforms that many matches
share; and of each, what it maps on what is compared pixel by pixel, after smooth shading is taken out: a copy shares
the finest structure, two windows of one facade only their outlines, two words on a card all but the grain (see
:mod:`.grain`). Regions without texture have no keypoints and are missed; text, lettering and drawings are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ..images.reading import check_image
from .grain import Grain, grain_of
from .keypoints import mirrored
from .region_pair import RegionPair, scale_of
from .self_matches import APART, image_keypoints, self_matches
from .similarity import SMALLEST, Alike, alike, correlation, fine_structure, inside, is_drawing, reduced, warped

#: Least agreement of two regions that are reported by themselves, median correlation of their fine structure. Mirrored
#: ones must agree more closely: the world is full of symmetric things. This and what follows was chosen with
#: casia_v1_train and half of CASIA's authentic images (odd numbers).
LEAST_SIMILARITY, LEAST_SIMILARITY_MIRRORED = 0.84, 0.9
#: How much less alike the regions may be where they share their grain beyond doubt.
_LESS_WITH_GRAIN = 0.07
#: Fewest agreeing keypoints of a pair that is reported by itself.
_SURE_MATCHES = 5
#: Agreement with a third place that reveals a pattern.
_GOES_ON = 0.38
#: Least agreement of doubtful pairs, which need another witness.
LEAST_SIMILARITY_DOUBTFUL = 0.65
#: Fewest keypoints that must agree on a transform, and how closely, pixels.
_AGREEING, _TOLERANCE = 5, 2.0
#: Plausible scales of the second region over the first.
_SCALES = (0.4, 2.5)
#: Around agreeing keypoints, pixels that are looked at first. Half of it is more than all windows reach.
_MARGIN = 48
#: Transforms that are looked at in one image.
_ROUNDS = 6


@dataclass(frozen=True)
class DuplicatedRegions(RegionPair):
    """A region and its duplicate. The image does not say which of the two is the original.

    Its ``similarity`` is at least ``LEAST_SIMILARITY_DOUBTFUL``.

    Attributes:
        grain: whether the two have their grain in common, as copies do.
        pattern: the same step leads on to a third place that is alike: windows, fences, tiles.
    """

    grain: Grain
    pattern: bool

    @property
    def doubtful(self) -> bool:
        """Too little alike, alike but for the grain, or a pattern: not to be reported without another witness."""
        if self.matches < _SURE_MATCHES or self.grain.apart or self.pattern and not self.grain.same:
            return True
        least = LEAST_SIMILARITY_MIRRORED if self.mirrored else LEAST_SIMILARITY
        return self.similarity < least - _LESS_WITH_GRAIN * self.grain.same


def find_repeats(image: np.ndarray, *, doubtful: bool = False) -> tuple[DuplicatedRegions, ...]:
    """
    Args:
        image: (H, W, 3) uint8, BGR.
        doubtful: doubtful pairs, too.

    Returns:
        Pairs of regions, largest first; empty where no region is duplicated. Takes up to 0.3 GB meanwhile.

    Raises:
        ValueError: an array of another shape or dtype.
    """
    size = check_image(image).shape[1::-1]
    image = reduced(image)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    points, descriptors = image_keypoints(grey)
    grey = grey.astype(np.float32)
    pairs = []
    for candidates, flipped in ((descriptors, False), (mirrored(descriptors), True)):
        matches = self_matches(points, descriptors, candidates)
        for transform, agreeing in _transforms(points, matches, flipped):
            pairs.append(_compare(grey, transform, agreeing, size))
    chosen: list[DuplicatedRegions] = []
    # A doubtful pair must not stand in for its better twin.
    for pair in sorted(filter(None, pairs), key=lambda pair: (pair.doubtful, -_area(pair))):
        if (doubtful or not pair.doubtful) and not any(_same(pair, better) for better in chosen):
            chosen.append(pair)
    return tuple(sorted(chosen, key=lambda pair: -_area(pair)))


def _transforms(points: np.ndarray, pairs: np.ndarray, flipped: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Transforms (2, 3) that many pairs share, and the positions (K, 2) that each maps on their twins.

    Turned, scaled and shifted; mirrored left to right before it if asked for.
    """
    flip = np.array([-1 if flipped else 1, 1], np.float32)
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


def _compare(
    grey: np.ndarray, transform: np.ndarray, agreeing: np.ndarray, size: tuple[int, int]
) -> DuplicatedRegions | None:
    """The region around the agreeing keypoints in which the image equals what the transform maps it on.

    ``size`` is the image's (width, height), before it was reduced.
    """
    height, width = grey.shape
    window, near, aligned, alike_parts = _alike_around(grey, transform, agreeing)
    first, second, matches = np.zeros(grey.shape, bool), np.zeros(grey.shape, bool), 0
    for part in alike_parts.parts:
        region = np.zeros(grey.shape, bool)
        region[window] = alike_parts.labels == part
        if second[region].mean() > 0.5:  # a twin already: half a turn, say, leads from the copy back as well
            continue
        first |= region
        second |= cv2.warpAffine(region.view(np.uint8), transform, (width, height), flags=cv2.INTER_NEAREST) > 0
        matches += int(alike_parts.keypoint_counts[part])
    # Nothing, or mapped on itself.
    if not second.any() or second[first].mean() > 0.5 or is_drawing(near, first[window]):
        return None
    similarity = float(np.median(alike_parts.fine[first[window]]))
    if similarity < LEAST_SIMILARITY_DOUBTFUL:
        return None
    grain = grain_of(near, aligned, first[window])
    if grain.lettering:
        return None
    pattern = _goes_on(grey, transform, first, window)
    details: dict[str, Any] = {"matches": matches, "similarity": similarity, "grain": grain, "pattern": pattern}
    return DuplicatedRegions.of(first, second, (size, size), transform, **details)


def _goes_on(grey: np.ndarray, transform: np.ndarray, region: np.ndarray, window: tuple[slice, slice]) -> bool:
    """Whether the region, within the window, is like what lies two steps of the transform on, or one step back."""
    near, region = fine_structure(grey[window]), region[window]
    corner = np.array([window[1].start, window[0].start])
    centre = np.argwhere(region).mean(axis=0)[::-1] + corner
    step = np.vstack([transform, [0, 0, 1]])
    for transform_on in (step @ step, np.linalg.inv(step)):
        transform_on = transform_on[:2]
        position = transform_on[:, :2] @ centre + transform_on[:, 2]
        neighbour = transform[:, :2] @ centre + transform[:, 2]
        # Half a turn, say: the pair itself.
        if min(np.abs(position - centre).max(), np.abs(position - neighbour).max()) < APART:
            continue
        aligned = warped(grey, _onto(transform_on, corner), near.shape, inverse=True)
        overlap = region & inside(aligned)
        if overlap.sum() < region.sum() / 3:
            continue
        if np.median(correlation(near, fine_structure(aligned))[overlap]) > _GOES_ON:
            return True
    return False


def _alike_around(
    grey: np.ndarray, transform: np.ndarray, agreeing: np.ndarray
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray, Alike]:
    """Where the image and its mapped self are alike: looked at around the keypoints, and further where that reaches.

    Returns:
        A window of the image (two slices); the image and its mapped self there, (h, w) float32; :class:`Alike`.
    """
    smallest = SMALLEST * grey.size
    low, high = agreeing.min(axis=0), agreeing.max(axis=0) + 1
    margin = np.maximum(_MARGIN, (high - low) // 2)
    while True:
        low, high = np.maximum(low - margin, 0), np.minimum(high + margin, grey.shape[::-1])
        window = slice(low[1], high[1]), slice(low[0], high[0])
        near = grey[window]
        aligned = warped(grey, _onto(transform, low), near.shape, inverse=True)
        alike_parts = alike(near, aligned, agreeing - low, smallest)
        covered = np.isin(alike_parts.labels, alike_parts.parts)
        # What the windows reach past an edge that is not the image's would be wrong: look further.
        reach = _MARGIN // 2
        edges = (
            (low[0] > 0 and covered[:, :reach].any(), low[1] > 0 and covered[:reach].any()),
            (high[0] < grey.shape[1] and covered[:, -reach:].any(), high[1] < grey.shape[0] and covered[-reach:].any()),
        )
        if not np.any(edges):
            return window, near, aligned, alike_parts
        margin = high - low


def _onto(transform: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The transform (2, 3) for pixels that are counted from a corner (X, Y) of the first region's image."""
    moved = transform.copy()
    moved[:, 2] += transform[:, :2] @ corner
    return moved


def _area(pair: DuplicatedRegions) -> int:
    return int(pair.first.sum())


def _same(pair: DuplicatedRegions, other: DuplicatedRegions) -> bool:
    """Whether most of a pair is within another, either way round: found once more, from the other end."""
    orders = ((other.first, other.second), (other.second, other.first))
    return any(first[pair.first].mean() > 0.5 and second[pair.second].mean() > 0.5 for first, second in orders)
