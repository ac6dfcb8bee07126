"""Keypoints of an image that are like others of it, by the generalised ratio test (Amerini et al., TIFS 2011)."""

from __future__ import annotations

import cv2
import numpy as np

from .keypoints import keypoints

#: Most keypoints, strongest first, and pixels of the image in which they are looked for, which is reduced to that:
#: time grows with the square of the one and with the other.
_KEYPOINTS, _DETECTION_AREA = 6000, 600_000
#: Matches at a distance of less than this are neighbours, not copies; pixels.
APART = 16
#: A match is kept when its distance is below this share of the next one's, and below the second value in all.
_RATIO, _FARTHEST = 0.6, 0.5
#: Keypoints that are compared with all others at a time, and every how many of the others are taken for a first look.
_BLOCK, _SOME = 256, 8
#: Copies of one keypoint that are followed up.
_COPIES = 6


def image_keypoints(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 2) and descriptors (N, 128) of the image's keypoints, float32, see :func:`.keypoints.keypoints`.

    Looked for in a copy of at most ``_DETECTION_AREA``.
    """
    height, width = grey.shape
    factor = (_DETECTION_AREA / grey.size) ** 0.5
    if factor >= 1:
        return keypoints(grey, _KEYPOINTS)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    points, descriptors = keypoints(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), _KEYPOINTS)
    return (points + 0.5) * np.array([width / size[0], height / size[1]], np.float32) - 0.5, descriptors


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
        stop = start + np.searchsorted(down[start:], down[rows][-1] + APART)
        cosines[:, : stop - start][_neighbours(points[rows], points[start:stop])] = -np.inf
        np.maximum(nearest[rows], cosines.max(axis=1), out=nearest[rows])
        np.maximum(nearest[start:], cosines.max(axis=0), out=nearest[start:])
    result = np.empty_like(nearest)
    result[order] = nearest
    return result


def _cosines(
    points: np.ndarray,
    descriptors: np.ndarray,
    others: np.ndarray,
    rows: np.ndarray | slice,
    columns: np.ndarray | slice,
) -> np.ndarray:
    """``descriptors @ others.T``, some of its rows and columns; minus infinity between neighbours."""
    cosines = descriptors[rows] @ others[columns].T
    cosines[_neighbours(points[rows], points[columns])] = -np.inf
    return cosines


def _neighbours(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which keypoints, (N, 2) and (M, 2), are closer than ``APART``: (N, M) bool."""
    across, down = (np.subtract.outer(points[:, axis], others[:, axis]) for axis in (0, 1))
    return across * across + down * down < APART**2


def self_matches(points: np.ndarray, descriptors: np.ndarray, others: np.ndarray) -> np.ndarray:
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
    sample = np.arange(0, len(points), _SOME)
    cosines = _cosines(points, descriptors, others, promising, sample)
    promising = promising[np.count_nonzero(cosines > rival[promising, None], axis=1) <= _COPIES]
    for start in range(0, len(promising), _BLOCK):
        rows = promising[start : start + _BLOCK]
        cosines = _cosines(points, descriptors, others, rows, slice(None))
        distinctive = np.count_nonzero(cosines > rival[rows, None], axis=1) <= _COPIES
        rows, cosines = rows[distinctive], cosines[distinctive]
        closest = np.argpartition(cosines, -_COPIES - 1, axis=1)[:, -_COPIES - 1 :]
        values = np.take_along_axis(cosines, closest, axis=1)
        order = (-values).argsort(axis=1)
        closest, values = np.take_along_axis(closest, order, axis=1), np.take_along_axis(values, order, axis=1)
        values = np.sqrt(np.maximum(0, 2 - 2 * values))  # distances
        with np.errstate(invalid="ignore"):  # inf / inf, of keypoints with few others far enough
            ends = (values[:, :-1] < _FARTHEST) & (values[:, :-1] < _RATIO * values[:, 1:])
        # All up to the first gap are copies: two copies of one region would else hide each other.
        copies = (np.arange(_COPIES) <= ends.argmax(axis=1)[:, None]) & ends.any(axis=1)[:, None]
        row, rank = copies.nonzero()
        pairs.append(np.stack([rows[row], closest[row, rank]], axis=1))
    return np.concatenate(pairs)
