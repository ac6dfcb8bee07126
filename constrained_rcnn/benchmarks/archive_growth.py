"""What an index costs as it grows, with as many images as wanted, made of few photos; no Torch.

Every photo is edited in several ways (scaled, mirrored, toned, compressed) and described. An image of the index is a
crop of an edited photo: those of its keypoints that lie in a random window. So a hundred thousand images take minutes,
and are as alike as versions of one image are; keypoints that a real crop would have new at its border are missing. The
images that are asked with, and the candidates that are compared, are real crops.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..evaluation.perturbations import jpeg
from ..matching.image_pairs import Described, compare, describe
from ..matching.index import codebook, segments
from ..matching.index.search import Index

#: Shorter side of the edited photos, pixels, and sides of a window, as shares of theirs: smallest and largest.
SIDES, WINDOWS = (192, 288), (0.5, 1.0)


def growth(
    photos: Sequence[np.ndarray],
    sizes: Sequence[int],
    *,
    edits: int = 4,
    questions: int = 5,
    candidates: int = 30,
    progress: Callable[..., Any] = lambda some, **_: some,
) -> Iterator[dict[str, float]]:
    """Builds one index and measures it at each size.

    Args:
        photos: (H, W, 3) uint8, BGR.
        sizes: numbers of images, ascending.
        edits: of each photo.
        questions: images that are asked with at each size.
        candidates: that are then compared.
        progress: wraps iterations; takes ``desc``.

    Yields:
        ``images``; ``rows``; ``bytes`` of the segments; seconds of the processor: ``describe`` an image (of an edited
        photo), ``build`` the index from descriptors, all in all, ``ask`` for candidates and ``compare`` them, an image;
        ``sharing``, the mean number of candidates that share something.
    """
    chance = np.random.default_rng(0)
    started = time.process_time()
    edited = [_Edited(_edited(photo, chance)) for photo in progress(photos, desc="describing") for _ in range(edits)]
    describing = (time.process_time() - started) / len(edited)
    with tempfile.TemporaryDirectory() as name:
        archive = _Archive(Path(name), edited)
        for size in sizes:
            archive.grow(size)
            index = Index(archive.folder, archive.records)
            asked = compared = sharing = 0.0
            for _ in range(questions):
                image = _crop(_edited(photos[chance.integers(len(photos))], chance), _window(chance))
                started = time.process_time()
                described = describe(image)
                found = index.candidates(described)[:candidates]
                asked += time.process_time() - started
                others = [archive.pixels(one.image) for one in found]
                started = time.process_time()
                sharing += sum(bool(compare(described, describe(other))) for other in others)
                compared += time.process_time() - started
            yield {
                "images": size, "rows": sum(one.rows for one in archive.records), "describe": describing,
                "bytes": sum(one.size for one in archive.records), "build": archive.seconds, "ask": asked / questions,
                "compare": compared / questions, "sharing": sharing / questions,
            }  # fmt: skip


class _Edited:
    """An edited photo, compressed; its keypoints, and their cells and codes."""

    def __init__(self, image: np.ndarray):
        self.shape = image.shape[:2]
        self.file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        described: Described = describe(image)
        self.points = described.points
        self.codes = codebook.empty().sa_encode(np.ascontiguousarray(described.descriptors))


class _Archive:
    """Image number i is a window of an edited photo; both follow from i."""

    def __init__(self, folder: Path, edited: list[_Edited]):
        self.folder, self.records, self.seconds, self.images = folder, [], 0.0, 0
        self._edited = edited

    def grow(self, size: int) -> None:
        """Adds images up to this number, in segments and merged as ``index build`` does."""
        started, index, first = time.process_time(), codebook.empty(), self.images
        while self.images < size:
            edited, window = self._source(self.images)
            corner, inside = _place(edited, window)
            points = edited.points[inside] - corner
            index.add_sa_codes(edited.codes[inside], segments.numbered(self.images, points))
            self.images += 1
            if index.ntotal >= segments.PART_ROWS or self.images == size:
                self._save(index, self.images - first)
                index, first = codebook.empty(), self.images
        self.seconds += time.process_time() - started

    def pixels(self, number: int) -> np.ndarray:
        edited, window = self._source(number)
        return _crop(cv2.imdecode(edited.file, cv2.IMREAD_COLOR), window)

    def _source(self, number: int) -> tuple[_Edited, np.ndarray]:
        chance = np.random.default_rng((1, number))
        return self._edited[chance.integers(len(self._edited))], _window(chance)

    def _save(self, index: Any, images: int) -> None:
        number = 1 + max((one.id for one in self.records), default=0)
        self.records.append(segments.save(index, self.folder, number, images))
        old = segments.to_merge(self.records)
        if old:
            whole = segments.merged(self.folder, old)
            new = segments.save(whole, self.folder, number + 1, sum(one.images for one in old))
            self.records = [one for one in self.records if one not in old] + [new]
            for one in old:
                (self.folder / one.file).unlink()


def _edited(photo: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    factor = chance.uniform(*SIDES) / min(photo.shape[:2])
    image = cv2.resize(
        photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )
    image = cv2.convertScaleAbs(image, alpha=chance.uniform(0.8, 1.2), beta=chance.uniform(-15, 15))
    return jpeg(image[:, ::-1] if chance.random() < 0.2 else image, int(chance.integers(60, 96)))


def _window(chance: np.random.Generator) -> np.ndarray:
    """Side, and place across and down, as shares."""
    return np.array([chance.uniform(*WINDOWS), *chance.random(2)])


def _place(edited: _Edited, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The window's corner, XY, and which keypoints lie in it."""
    corner, size = _corner(edited.shape, window)
    inside = ((edited.points >= corner) & (edited.points < corner + size)).all(axis=1)
    return corner, inside


def _corner(shape: tuple[int, ...], window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    whole = np.array(shape[1::-1])
    size = np.rint(whole * window[0]).astype(int)
    return np.rint((whole - size) * window[1:]).astype(int), size


def _crop(image: np.ndarray, window: np.ndarray) -> np.ndarray:
    (x, y), (width, height) = _corner(image.shape, window)
    return np.ascontiguousarray(image[y : y + height, x : x + width])
