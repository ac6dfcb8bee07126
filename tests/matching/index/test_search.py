"""Segments stay on disk and give back what was put into them; candidates are laid out alike."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from constrained_rcnn.matching.image_pairs import Described, describe
from constrained_rcnn.matching.index import codebook, segments
from constrained_rcnn.matching.index.search import Index
from tests.helpers.copied import photo


def described(points, descriptors) -> Described:
    return Described((400, 400), (400, 400), lambda: None, points, descriptors)


def some(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    descriptors = chance.random((number, 128)).astype(np.float32) ** 3
    points = chance.uniform(0, 400, (number, 2)).astype(np.float32)
    return points, descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)


def saved(folder, *images):
    index = codebook.empty()
    for number, one in enumerate(images):
        segments.add(index, number, *one)
    return segments.save(index, folder, 1, len(images))


def test_numbers_hold_image_and_position():
    points = np.array([[0, 0], [1599.97, 3.5], [2047, 2047]], np.float32)
    images, back = segments.places(segments.numbered(2**31 - 1, points))
    assert (images == 2**31 - 1).all()
    assert np.abs(back - points).max() <= 1 / 32


def test_a_segment_is_mapped_not_read(tmp_path):
    record = saved(tmp_path, some(300))
    assert record.rows == 300 and record.size == (tmp_path / record.file).stat().st_size
    index = segments.opened(tmp_path, record)
    assert isinstance(faiss.downcast_InvertedLists(index.invlists), faiss.OnDiskInvertedLists)
    assert index.ntotal == 300 and segments.check(tmp_path, record)


def test_merged_segments_hold_the_same(tmp_path):
    parts = []
    for number in range(3):
        index = codebook.empty()
        segments.add(index, number, *some(100, number))
        parts.append(segments.save(index, tmp_path, number + 1, 1))
    merged = segments.save(segments.merged(tmp_path, parts), tmp_path, 4, 3)
    question = describe(photo())
    whole = [segments.opened(tmp_path, record) for record in parts]
    assert merged.rows == 300
    (tmp_path / "one").mkdir()
    together = saved(tmp_path / "one", *(some(100, number) for number in range(3)))
    for one in whole:
        one.nprobe = 16
    a, b = segments.opened(tmp_path, merged), segments.opened(tmp_path / "one", together)
    a.nprobe = b.nprobe = 16
    for left, right in zip(a.search(question.descriptors[:50], 5), b.search(question.descriptors[:50], 5)):
        np.testing.assert_array_equal(left, right)


def test_small_segments_are_merged_when_there_are_enough():
    def record(number, rows):
        return segments.SegmentRecord(number, 1, rows, 0, "", "")

    small = [record(number, segments.PART_ROWS) for number in range(segments.PARTS_MERGED)]
    large = record(99, segments.PARTS_MERGED * segments.PART_ROWS)
    assert segments.to_merge([large, *small[1:]]) == []
    assert segments.to_merge([*small, large, record(100, 5)]) == small


@pytest.mark.parametrize("flipped", [False, True])
def test_layout_decides(tmp_path, flipped):
    """The image turned and reduced is found, plain or mirrored; the same descriptors scattered are not."""
    image = photo()
    original = describe(image)
    turned = np.ascontiguousarray(np.rot90(image)[::2, ::2])
    version = describe(np.ascontiguousarray(turned[:, ::-1]) if flipped else turned)
    scattered = np.random.default_rng(0).permutation(original.points)
    record = saved(tmp_path, some(500), (scattered, original.descriptors), (version.points, version.descriptors))
    found = Index(tmp_path, [record]).candidates(original)
    assert found[0].image == 2 and found[0].agreeing > 50
    assert all(one.agreeing < 10 for one in found[1:])


def test_nothing_in_common_and_nothing_there(tmp_path):
    record = saved(tmp_path, some(500))
    assert Index(tmp_path, [record]).candidates(describe(photo())) == []
    assert Index(tmp_path, []).candidates(describe(photo())) == []


def test_a_codebook_is_repeatable(tmp_path):
    images = [some(400, seed)[1] for seed in range(3)]
    first, second = codebook.train(images), codebook.train(images)
    assert first.cells.shape == (2, 256, 64) and first.codes.shape == (16, 256, 8)
    for one, other in zip(first, second):
        np.testing.assert_array_equal(one, other)
    codebook.save(first, tmp_path / "codebook.npz")
    with np.load(tmp_path / "codebook.npz") as arrays:
        np.testing.assert_allclose(arrays["codes"], first.codes, rtol=1e-3, atol=1e-6)
