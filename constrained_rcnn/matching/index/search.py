"""Which images of an index may share something with an image: those with descriptors like its own, laid out alike.

Each descriptor of the image finds those of the index that are like it; images that several agree on are candidates, and
those stay for which a similarity transform lays several of the points on each other. Only descriptors and positions of
the index are needed, no file of the archive. Whether a candidate does share something is told by
:func:`..image_pairs.compare`.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ..image_pairs import Described
from ..keypoints import mirrored
from . import codebook, segments
from .segments import SegmentRecord

#: Cells of the index in which each descriptor is looked for, and the most alike that are taken from each segment.
CELLS, NEAREST = 8, 64
#: Squared distance of a descriptor, of length 1, from a code below which the two are alike. On casia_v1_train 0.96 of
#: the keypoints on which two images agree are nearer, and 0.03 keypoints of an unrelated image. How much nearer is
#: about the logarithm of how much likelier the one is than the other.
FARTHEST = 0.12
#: Fewest points that must agree on an image, and on where it lies, and how closely, pixels.
LEAST_VOTES, LEAST_AGREEING, TOLERANCE = 5, 5, 6.0
#: Images, those with the highest scores, whose layout is looked at: in each segment, and in all.
PER_SEGMENT, IN_ALL = 100, 300


class Candidate(NamedTuple):
    """An image of the index that may share something with another.

    Attributes:
        agreeing: points that a transform lays on each other; ``LEAST_AGREEING`` at least.
        score: sum over these points of how much nearer than ``FARTHEST`` they are; the higher, the likelier.
        image: its number.
    """

    agreeing: int
    score: float
    image: int


class _Votes(NamedTuple):
    """Points of an image and the points of one image of the index that they are like: (N, 2) float32 each.

    ``nearer``, (N,): than ``FARTHEST``; ``score``: its sum, each of the points counted once.
    """

    score: float
    image: int
    flipped: bool
    points: np.ndarray
    others: np.ndarray
    nearer: np.ndarray


class Index:
    """The segments of an index, mapped into memory: how much of them is in memory is up to the system."""

    def __init__(self, folder: Path, records: Sequence[SegmentRecord]):
        """
        Raises:
            UserError: a segment is missing or damaged.
            MissingDependency: Faiss is not installed.
        """
        codebook.faiss()
        self._segments = [segments.opened(folder, record) for record in records]

    def candidates(self, described: Described) -> list[Candidate]:
        """Candidates for an image, the likeliest first.

        Memory: ``NEAREST`` neighbours of each descriptor in one segment at a time, and ``IN_ALL`` images' votes.
        """
        best: list[tuple[float, int, bool, _Votes]] = []
        for flipped, descriptors in ((False, described.descriptors), (True, mirrored(described.descriptors))):
            descriptors = np.ascontiguousarray(descriptors, np.float32)
            distances, cells = codebook.cells().search(descriptors, CELLS)
            for segment in self._segments:
                segment.nprobe = CELLS
                likes = segment.search_preassigned(descriptors, NEAREST, cells, distances)
                votes = _votes(described.points, flipped, *likes)
                best = heapq.nlargest(IN_ALL, best + [(one.score, -one.image, flipped, one) for one in votes])
        found: dict[int, Candidate] = {}
        for *_, one in best:
            candidate, known = _candidate(one), found.get(one.image)
            if candidate.agreeing >= LEAST_AGREEING and (known is None or candidate.score > known.score):
                found[one.image] = candidate
        return sorted(found.values(), key=lambda one: (-one.score, one.image))


def _votes(points: np.ndarray, flipped: bool, distances: np.ndarray, numbers: np.ndarray) -> list[_Votes]:
    """Of each image that points enough are like: (N, NEAREST) distances and numbers of a segment's descriptors."""
    rows, ranks = np.nonzero((numbers >= 0) & (distances < FARTHEST))  # of a row, the nearest come first
    nearer = FARTHEST - distances[rows, ranks]
    images, others = segments.places(numbers[rows, ranks])
    order = np.lexsort((ranks, rows, images))
    rows, images, others, nearer = rows[order], images[order], others[order], nearer[order]
    new_image = np.diff(images, prepend=-1) != 0
    starts = np.flatnonzero(new_image)
    if not len(starts):
        return []
    new_point = new_image | (np.diff(rows, prepend=-1) != 0)
    counts = np.add.reduceat(new_point, starts, dtype=int)
    scores = np.add.reduceat(np.where(new_point, nearer, 0), starts)
    stops = np.append(starts[1:], len(images))
    best = [at for at in np.argsort(-scores, kind="stable")[:PER_SEGMENT] if counts[at] >= LEAST_VOTES]
    return [
        _Votes(float(scores[at]), int(images[starts[at]]), flipped, points[rows[part]], others[part], nearer[part])
        for at in best
        for part in (slice(starts[at], stops[at]),)
    ]


def _candidate(votes: _Votes) -> Candidate:
    """By the similarity transform that lays the most points on points of the other image."""
    points = votes.points * np.array([-1, 1], np.float32) if votes.flipped else votes.points
    options: dict[str, Any] = {
        "ransacReprojThreshold": TOLERANCE,
        "maxIters": 500,
        "confidence": 0.99,
        "refineIters": 0,
    }
    _, agree = cv2.estimateAffinePartial2D(points, votes.others, method=cv2.RANSAC, **options)
    if agree is None:
        return Candidate(0, 0.0, votes.image)
    kept = agree[:, 0] > 0
    # As complex numbers: finding different rows of two takes NumPy many times as long.
    _, once = np.unique(points[kept] @ [1, 1j], return_index=True)
    agreeing = min(len(once), len(np.unique(votes.others[kept] @ [1, 1j])))
    return Candidate(agreeing, float(votes.nearer[kept][once].sum()), votes.image)
