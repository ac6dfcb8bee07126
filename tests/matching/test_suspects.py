"""Copy-moves: which of two duplicated regions is the copy, which pairs count, and what they do to the map."""

import json

import cv2
import numpy as np
import pytest

from constrained_rcnn.matching.copy_move import LEAST_SIMILARITY, LEAST_SIMILARITY_DOUBTFUL, find_repeats
from constrained_rcnn.matching.suspects import COPY, EITHER, CopyMove, detect_copy_moves, fuse_copy_moves
from tests.helpers.copied import FROM, SIDE, forged, photo


@pytest.fixture(scope="module")
def case():
    """(image, mask of the copy, findings)."""
    image, mask = forged(photo())
    return image, mask, find_repeats(image)


def centre(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def copy_moves_by(pairs, *means):
    return tuple(CopyMove(pair, map_means) for pair, map_means in zip(pairs, means))


@pytest.mark.parametrize("marked_region", ["copy", "original"])
def test_the_region_that_the_map_marks_is_the_likelier_copy(case, marked_region):
    image, mask, _ = case
    marked = np.zeros(mask.shape, np.float32)
    marked[FROM[1] : FROM[1] + SIDE, FROM[0] : FROM[0] + SIDE] = marked_region == "original"
    marked[mask] = marked_region == "copy"
    (copy_move,) = detect_copy_moves(image, marked)
    record = json.loads(json.dumps(copy_move.to_json()))
    x, y = centre(record[f"{record['likelier_copy']}_box"])
    assert marked[round(y), round(x)] == 1
    assert max(record["map_means"]) > 0.9 and min(record["map_means"]) < 0.1


def test_a_map_that_is_alike_in_both_tells_nothing(case):
    image, mask, pairs = case
    for value in (0.0, 0.7):
        (copy_move,) = detect_copy_moves(image, np.full(mask.shape, value, np.float32))
        assert copy_move.map_means == pytest.approx((value, value), abs=1e-6)
        assert copy_move.to_json()["likelier_copy"] is None and copy_move.suspects == ("first", "second")
    for means, copy in (((0.5, 0.26), None), ((0.5, 0.24), "first"), ((0.24, 0.5), "second")):
        assert CopyMove(pairs[0], means).likelier_copy == copy
    assert detect_copy_moves(photo(), np.zeros((400, 600), np.float32)) == ()


def test_a_doubtful_pair_counts_where_the_map_tells_the_copy():
    """The copy carries other noise than its source: too little alike to be told without the map."""
    image, mask = forged(cv2.GaussianBlur(photo(), (0, 0), 1))
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 5, image.shape), 0, 255).astype(np.uint8)
    assert find_repeats(noisy) == ()
    (pair,) = find_repeats(noisy, doubtful=True)
    assert pair.doubtful and LEAST_SIMILARITY_DOUBTFUL <= pair.similarity < LEAST_SIMILARITY
    assert detect_copy_moves(noisy, np.zeros(mask.shape, np.float32)) == ()
    (copy_move,) = detect_copy_moves(noisy, mask.astype(np.float32))
    assert copy_move.likelier_copy is not None


def test_means_of_an_image_that_is_reduced(case):
    image, mask, _ = case
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    marked = cv2.resize(mask.astype(np.float32), large.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    copy_moves = detect_copy_moves(large, 0.5 * marked)
    x, y = centre(getattr(copy_moves[0].regions, f"{copy_moves[0].likelier_copy}_box"))
    assert marked[round(y), round(x)] == 1
    fused = 0.5 * marked
    fuse_copy_moves(fused, copy_moves)
    assert fused.max() == COPY and (fused[marked > 0] == COPY).mean() > 0.6
    assert (fused[marked == 0] > 0).mean() < 0.01


def test_the_map_is_lifted_on_the_copy_or_on_both_and_never_lowered(case):
    _, mask, pairs = case
    first, second = pairs[0].first, pairs[0].second
    original = np.random.default_rng(0).random(mask.shape, np.float32)
    for means, regions, value in (
        ((0.9, 0.1), first, COPY),
        ((0.1, 0.9), second, COPY),
        ((0.3, 0.3), first | second, EITHER),
    ):
        fused = original.copy()
        fuse_copy_moves(fused, copy_moves_by(pairs, means))
        assert fused.dtype == np.float32 and np.array_equal(fused[~regions], original[~regions])
        assert np.array_equal(fused[regions], np.maximum(original[regions], np.float32(value)))
    fuse_copy_moves(fused, ())
