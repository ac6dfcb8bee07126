"""What two images have in common, and where they differ in spite of it.

No network and no training. SIFT keypoints of one image are matched with the other's, plain and mirrored; RANSAC finds
the affine transforms that many matches share; the finer image is laid on the coarser one by each, and what is alike
down to its finest structure is a shared region. Where that is most of what the two could share, they are one image in
two versions, turned, scaled, cropped or compressed again, and where these still differ one was altered. Where it is
little, a part of one was taken over into the other, or both come from a third.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ..images.reading import check_image
from .alteration import altered
from .keypoints import keypoints, mirrored
from .region_pair import RegionPair, scale_of
from .similarity import alike, among_flat, correlation, inside, is_drawing, reduced, spread, warped

#: Keypoints of an image that are matched, strongest first: time grows with their product.
KEYPOINTS = 2000
#: Share of what two images could share that is alike, above which they are versions of one, and fewest keypoints that
#: must agree: fewer do not lay them on each other well enough to say so.
SAME_IMAGE, SAME_IMAGE_MATCHES = 0.6, 20
#: Least agreement of a shared region, median correlation of fine structure.
LEAST_SIMILARITY = 0.5
#: A match is kept when its distance is below this share of the next one's.
_RATIO = 0.8
#: Fewest matches that must agree on a transform, and how closely, pixels.
_AGREEING, _TOLERANCE = 8, 3.0
#: Plausible scales of one image in the other, and how much more one axis may be scaled than the other.
_SCALES, _STRETCH = (0.05, 20.0), 1.5
#: Transforms that are compared in one pair.
_ROUNDS = 3
#: Share of flat pixels around a keypoint from which on it is not matched. Below 0.1 of a photo's are (casia_v1_train,
#: BSDS500), above 0.9 of a page's.
_AMONG_FLAT = 0.2
#: Blur, pixels, and least correlation by which two images show the same in spite of noise and filters.
_BLUR, _COARSE = 1.5, 0.6
#: What counts for the share that is alike must stand out from noise in one of the two: standard deviation, grey levels.
_TEXTURE = 2.0


@dataclass(frozen=True)
class Described:
    """What of an image is compared with others, of :func:`describe`.

    Attributes:
        size: (width, height) of the image.
        shape: (h, w) of ``pixels()``.
        pixels: gives (h, w, 3) uint8, BGR: the image, or its reduced copy where it is longer than ``WORKING_SIDE``.
        points, descriptors: see :func:`.keypoints.keypoints`; in pixels of ``pixels()``.
    """

    size: tuple[int, int]
    shape: tuple[int, int]
    pixels: Callable[[], np.ndarray]
    points: np.ndarray
    descriptors: np.ndarray

    @property
    def comparable(self) -> bool:
        """Whether it has keypoints enough to share anything."""
        return len(self.points) >= _AGREEING


@dataclass(frozen=True)
class Shared(RegionPair):
    """A region that two images share. Its ``similarity`` is at least ``LEAST_SIMILARITY``.

    Attributes:
        overlap: share of what the two could share, laid one on the other like this, that shows the same, noise and
            fine structure apart; 0 to 1.
        first_altered, second_altered: (h, w) bool, where the two differ although they are one image.
    """

    overlap: float
    first_altered: np.ndarray
    second_altered: np.ndarray

    @property
    def same_picture(self) -> bool:
        """Whether the two are versions of one image, as far as they overlap."""
        return _versions(self.overlap, self.matches)

    def to_json(self) -> dict:
        """What JSON can hold: everything but the regions."""
        return {
            **super().to_json(),
            "same_picture": self.same_picture,
            "overlap": round(self.overlap, 4),
            "first_altered": round(float(self.first_altered.mean()), 6),
            "second_altered": round(float(self.second_altered.mean()), 6),
        }


def describe(image: np.ndarray, again: Callable[[], np.ndarray] | None = None) -> Described:
    """
    Args:
        image: (H, W, 3) uint8, BGR.
        again: gives the same image, or its reduced copy, again when its pixels are needed; None: they are kept.

    Raises:
        ValueError: an array of another shape or dtype.
    """
    size = check_image(image).shape[1::-1]
    pixels = reduced(image)
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    # Text is passed over in the end; on a screenshot it would leave the photo none of the keypoints.
    keypoints_found = keypoints(grey, KEYPOINTS, among_flat(grey.astype(np.float32)) < _AMONG_FLAT)
    get = (lambda: pixels) if again is None else (lambda: reduced(again()))
    return Described(size, pixels.shape[:2], get, *keypoints_found)


def compare(first: Described, second: Described) -> tuple[Shared, ...]:
    """
    Args:
        first, second: of :func:`describe`.

    Returns:
        Regions that both have, largest first; empty where the two have nothing in common.
    """
    regions = []
    for pairs, flipped in _matches(first.descriptors, second.descriptors):
        for transform, agreeing in _transforms(first.points, second.points, pairs, flipped):
            regions.append(_shared(first, second, transform, agreeing))
    chosen: list[Shared] = []
    for region in sorted(filter(None, regions), key=lambda region: -int(region.first.sum())):
        if not any(
            larger.first[region.first].mean() > 0.5 and larger.second[region.second].mean() > 0.5 for larger in chosen
        ):
            chosen.append(region)
    return tuple(chosen)


def _matches(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[np.ndarray, bool]]:
    """Pairs (M, 2) of indices whose descriptors are each other's nearest and stand out; plain, then mirrored.

    Only where there are enough of them to mean anything.
    """
    if min(len(first), len(second)) < _AGREEING:
        return
    for descriptors, flipped in ((second, False), (mirrored(second), True)):
        cosines = first @ descriptors.T
        rows, nearest = np.arange(len(first)), cosines.argmax(axis=1)
        mutual = cosines.argmax(axis=0)[nearest] == rows
        best = cosines[rows, nearest]
        cosines[rows, nearest] = -1
        reliable = mutual & (1 - best < _RATIO**2 * (1 - cosines.max(axis=1)))
        if reliable.sum() >= _AGREEING:
            yield np.stack([rows[reliable], nearest[reliable]], axis=1), flipped


def _transforms(
    first: np.ndarray, second: np.ndarray, pairs: np.ndarray, flipped: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Transforms (2, 3) from the first to the second that many pairs share, and the pairs (K, 2) that do."""
    for _ in range(_ROUNDS):
        if len(pairs) < _AGREEING:
            return
        transform, inliers = _estimated(first[pairs[:, 0]], second[pairs[:, 1]])
        if transform is None or inliers.sum() < _AGREEING:
            return
        longer, shorter = np.linalg.svd(transform[:, :2], compute_uv=False)
        plausible = _SCALES[0] < shorter and longer < min(_SCALES[1], _STRETCH * shorter)
        if plausible and (np.linalg.det(transform[:, :2]) < 0) == flipped:
            yield transform, pairs[inliers]
        pairs = pairs[~inliers]


def _estimated(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """By RANSAC; the tolerance is in pixels of the coarser image."""
    options: dict[str, Any] = {
        "method": cv2.RANSAC,
        "ransacReprojThreshold": _TOLERANCE,
        "maxIters": 5000,
        "confidence": 0.999,
    }
    transform, inliers = cv2.estimateAffine2D(first, second, **options)
    if transform is not None and scale_of(transform) > 1:
        back, inliers = cv2.estimateAffine2D(second, first, **options)
        transform = None if back is None or scale_of(back) == 0 else cv2.invertAffineTransform(back)
    return transform, np.zeros(len(first), bool) if inliers is None else inliers[:, 0].astype(bool)


def _shared(first: Described, second: Described, transform: np.ndarray, agreeing: np.ndarray) -> Shared | None:
    """The region around the agreeing keypoints in which the two are alike; None where it is none, or drawn."""
    swapped = scale_of(transform) > 1  # the second is the finer one
    fine, coarse = (second, first) if swapped else (first, second)
    onto = cv2.invertAffineTransform(transform) if swapped else transform
    pixels = coarse.pixels()
    aligned_pixels = _laid(fine.pixels(), onto, coarse.shape)
    grey, aligned = (cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (pixels.astype(np.float32), aligned_pixels))
    points = coarse.points[agreeing[:, 0 if swapped else 1]]
    alike_parts = alike(grey, aligned, np.unique(np.rint(points).astype(int), axis=0))
    region = np.isin(alike_parts.labels, alike_parts.parts)
    if not region.any() or is_drawing(grey, region):
        return None
    similarity = float(np.median(alike_parts.fine[region]))
    in_fine = _back(region, onto, fine.shape)
    if similarity < LEAST_SIMILARITY or not in_fine.any():
        return None
    overlap = inside(aligned)
    share = _share_alike(grey, aligned, overlap)
    matches = int(sum(alike_parts.keypoint_counts[part] for part in alike_parts.parts))
    differing = np.zeros_like(region)
    if _versions(share, matches):
        differing = altered(pixels, aligned_pixels, region, overlap)
    regions = [(in_fine, region), (_back(differing, onto, fine.shape), differing)]
    (first_region, second_region), (first_altered, second_altered) = (
        (pair[::-1] for pair in regions) if swapped else regions
    )
    return Shared.of(
        first_region, second_region, (first.size, second.size), transform, matches=matches, similarity=similarity,
        overlap=share, first_altered=first_altered, second_altered=second_altered,
    )  # fmt: skip


def _versions(overlap: float, matches: int) -> bool:
    return overlap > SAME_IMAGE and matches >= SAME_IMAGE_MATCHES


def _share_alike(grey: np.ndarray, aligned: np.ndarray, overlap: np.ndarray) -> float:
    """Share of the overlap that shows the same. What is flat in both has nothing to compare and does not count."""
    blurred, aligned_blurred = (cv2.GaussianBlur(image, (0, 0), _BLUR) for image in (grey, aligned))
    textured = overlap & (np.maximum(spread(blurred, 9), spread(aligned_blurred, 9)) > _TEXTURE)
    return float((correlation(blurred, aligned_blurred)[textured] > _COARSE).mean()) if textured.any() else 1.0


def _laid(fine: np.ndarray, onto: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The finer image laid on the coarser one of that shape, (H, W, 3) float32, ``OUTSIDE`` where it has nothing."""
    factor = scale_of(onto)
    if factor < 0.8:  # reduced before it is sampled, or pixels would be left out
        size = tuple(max(1, round(side * factor)) for side in fine.shape[1::-1])
        across, down = fine.shape[1] / size[0], fine.shape[0] / size[1]
        fine = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
        # Centres of pixels: across * (x + 0.5) - 0.5 in the image before.
        onto = onto @ np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1]])
    return warped(fine.astype(np.float32), onto, shape)


def _back(mask: np.ndarray, onto: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A mask of the coarser image in the finer one of that shape; bool."""
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask.view(np.uint8), onto, shape[::-1], flags=flags) > 0
