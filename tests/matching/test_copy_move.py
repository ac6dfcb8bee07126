"""Repeated regions: found where a region was copied, however it was turned, and nowhere else."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
from skimage import data

from constrained_rcnn.matching import copy_move, self_matches
from constrained_rcnn.matching.copy_move import find_repeats
from constrained_rcnn.matching.keypoints import mirrored
from constrained_rcnn.matching.similarity import WORKING_SIDE
from tests.helpers import copied
from tests.helpers.copied import FROM, SIDE, forged


@pytest.fixture(scope="module")
def photo():
    return copied.photo()


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


CHANGES = [
    {}, {"scale": 0.8}, {"scale": 0.9, "angle": 25}, {"angle": 90}, {"angle": 180}, {"mirrored": True},
    {"mirrored": True, "angle": 90}, {"quality": 85}, {"scale": 0.9, "angle": -10, "quality": 90},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_copied_region_and_its_source_are_found(photo, change):
    image, mask = forged(photo, **change)
    (pair,) = find_repeats(image)
    regions = pair.first, pair.second
    assert max(overlap(region, mask) for region in regions) > 0.6
    scale, angle = change.get("scale", 1.0), change.get("angle", 0)
    if overlap(pair.first, mask) > 0.6:  # the finding runs from the copy to its source
        scale, angle = 1 / scale, angle if change.get("mirrored") else -angle
    assert pair.scale == pytest.approx(scale, abs=0.02)
    assert (pair.angle - angle + 180) % 360 - 180 == pytest.approx(0, abs=1.5)
    assert pair.mirrored == change.get("mirrored", False)
    source = np.zeros(mask.shape, bool)
    source[FROM[1] : FROM[1] + SIDE, FROM[0] : FROM[0] + SIDE] = True
    for region in regions:
        assert (region & (mask | source)).sum() > 0.95 * region.sum()


def test_an_untouched_photo_has_none(photo):
    assert find_repeats(photo) == ()


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "rocket", "retina"])
def test_untouched_photos_have_none(name):
    assert find_repeats(np.ascontiguousarray(getattr(data, name)()[:, :, ::-1])) == ()


def test_two_copies_of_one_region_do_not_hide_each_other(photo):
    image, first = forged(photo)
    image[240:370, 430:560] = photo[20:150, 300:430]
    second = np.zeros_like(first)
    second[240:370, 430:560] = True
    duplicated = np.logical_or.reduce([part for r in find_repeats(image) for part in (r.first, r.second)])
    for copy in (first, second):
        assert (duplicated & copy).sum() > 0.6 * copy.sum()


def test_a_texture_that_is_only_similar_is_not_a_copy(photo):
    """The twin is the source seen again: the same outlines under other noise, as in two frames or two windows."""
    image, mask = forged(cv2.GaussianBlur(photo, (0, 0), 1))
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    assert find_repeats(image) and find_repeats(noisy) == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (9, 7), (64, 64), (500, 700)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_images_have_none(shape, value):
    assert find_repeats(np.full((*shape, 3), value, np.uint8)) == ()


def page_of_text(light, dark):
    image = np.full((700, 600, 3), light, np.uint8)
    for line in range(14):
        text = "the same words in every line" if line % 2 else "again the same words"
        cv2.putText(image, text, (15, 45 + 48 * line), cv2.FONT_HERSHEY_DUPLEX, 1.1, (dark,) * 3, 2, cv2.LINE_AA)
    return image


def icons():
    image = np.full((500, 700, 3), 235, np.uint8)
    for x in range(70, 700, 140):
        for y in range(70, 500, 120):
            cv2.circle(image, (x, y), 40, (190, 110, 30), -1, cv2.LINE_AA)
            cv2.rectangle(image, (x - 15, y - 20), (x + 15, y + 18), (250, 250, 250), -1)
            cv2.line(image, (x - 10, y - 12), (x + 10, y + 12), (30, 30, 200), 3, cv2.LINE_AA)
    return image


@pytest.mark.parametrize("quality", [None, 90, 75])
@pytest.mark.parametrize("image", [page_of_text(255, 0), page_of_text(30, 225), icons()], ids=["page", "dark", "icons"])
def test_text_and_drawings_are_passed_over(image, quality):
    if quality:
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    assert find_repeats(image, doubtful=True) == ()


def test_a_lane_pasted_twice_into_a_gel_is_found():
    generator = np.random.default_rng(0)
    gel = np.full((400, 600), 200, np.float32)
    for x in range(60, 600, 68):
        for y in range(60, 400, 90):
            axes = (24 + int(generator.integers(-3, 3)), 6 + int(generator.integers(0, 4)))
            shade = float(generator.integers(20, 120))
            cv2.ellipse(gel, (x, y + int(generator.integers(-10, 10))), axes, 0, 0, 360, shade, -1)
    gel = (cv2.GaussianBlur(gel, (0, 0), 2.5) + generator.normal(0, 2.5, gel.shape)).clip(0, 255).astype(np.uint8)
    assert find_repeats(cv2.merge([gel] * 3)) == ()
    gel[:, 370:440] = gel[:, 30:100]
    (pair,) = find_repeats(cv2.merge([gel] * 3))
    assert pair.first.any() and abs(pair.second_box[0] - pair.first_box[0]) == pytest.approx(340, abs=2)


def matches_one_by_one(points, descriptors, others):
    """The generalised ratio test as it is told: per keypoint, the closest ones up to the first gap."""
    pairs = set()
    for index, point in enumerate(points):
        distances = np.sqrt(np.maximum(0, 2 - 2 * others @ descriptors[index]))
        distances[np.hypot(*(points - point).T) < self_matches.APART] = np.inf
        order = distances.argsort()[: self_matches._COPIES + 1]
        for rank in range(self_matches._COPIES):
            near, far = distances[order[rank]], distances[order[rank + 1]]
            if near < self_matches._FARTHEST and near < self_matches._RATIO * far:
                pairs |= {(index, int(other)) for other in order[: rank + 1]}
                break
    return pairs


@pytest.mark.parametrize("flipped", [False, True])
def test_matches_are_those_of_the_ratio_test_one_by_one(flipped):
    generator = np.random.default_rng(0)
    points = generator.uniform(0, 300, (700, 2)).astype(np.float32)
    descriptors = generator.random((700, 128)) ** 2
    for copies in range(1, 9):  # of one keypoint: up to six are followed up
        for start in range(10):
            descriptor = descriptors[50 * start].reshape(4, 4, 8)
            descriptor = descriptor[::-1, :, -np.arange(8) % 8] if flipped else descriptor
            rows = 50 * start + 5 * copies + np.arange(copies) if start >= copies else []
            descriptors[rows] = descriptor.ravel() + generator.normal(0, 0.02, (len(rows), 128))
    descriptors = np.sqrt(np.abs(descriptors))
    descriptors = (descriptors / np.linalg.norm(descriptors, axis=1, keepdims=True)).astype(np.float32)
    others = mirrored(descriptors) if flipped else descriptors
    matches = {tuple(map(int, pair)) for pair in self_matches.self_matches(points, descriptors, others)}
    assert matches == matches_one_by_one(points, descriptors, others) and len(matches) > 20


def test_noise_has_none():
    assert find_repeats(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)) == ()


def test_the_largest_pair_comes_first_and_scales_beyond_belief_are_none(photo):
    image, _ = forged(photo)
    image[300:360, 480:560] = photo[100:160, 20:100]
    large, small = find_repeats(image)
    assert large.first.sum() > 2 * small.first.sum()
    tiny, _ = forged(cv2.resize(photo, (1200, 800), interpolation=cv2.INTER_CUBIC))
    patch = cv2.resize(tiny[40:440, 600:1100], None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    tiny[600 : 600 + patch.shape[0], 300 : 300 + patch.shape[1]] = patch
    assert all(0.4 < pair.scale < 2.5 for pair in find_repeats(tiny))


def test_a_doubtful_pair_does_not_stand_in_for_its_better_twin(photo, monkeypatch):
    """Found twice, the larger time doubtful: the one that counts by itself must not be lost."""
    (certain,) = find_repeats(forged(photo)[0])
    larger = [
        cv2.dilate(region.view(np.uint8), np.ones((5, 5))).view(bool) for region in (certain.first, certain.second)
    ]
    vague = dataclasses.replace(certain, first=larger[0], second=larger[1], similarity=0.7)
    compared = iter([vague, certain])
    monkeypatch.setattr(copy_move, "_transforms", lambda *args: iter([(None, None)]))  # one plain, one mirrored
    monkeypatch.setattr(copy_move, "_compare", lambda *args: next(compared))
    (pair,) = find_repeats(photo, doubtful=True)
    assert vague.doubtful and pair is certain


@pytest.mark.parametrize("image", [
    np.zeros((50, 60), np.uint8), np.zeros((50, 60, 1), np.uint8), np.zeros((50, 60, 4), np.uint8),
    np.zeros((50, 60, 3), np.float32), np.zeros((0, 60, 3), np.uint8), [[[0, 0, 0]]],
])  # fmt: skip
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8"):
        find_repeats(image)


def test_boxes_of_a_narrow_reduced_image_stay_inside():
    image = np.zeros((101, 8000, 3), np.uint8)
    image[:, :1600] = cv2.resize(data.coffee()[:, :, ::-1], (1600, 1066))[400:501]
    image[:, 4000:5600] = image[:, :1600]
    pairs = find_repeats(image)
    assert pairs
    for pair in pairs:
        for box in (pair.first_box, pair.second_box):
            assert 0 <= box[0] < box[2] <= 8000 and 0 <= box[1] < box[3] <= 101


def test_boxes_are_in_pixels_of_an_image_that_was_reduced(photo):
    image, mask = forged(photo)
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    (pair,) = find_repeats(large)
    assert max(pair.first.shape) == WORKING_SIDE < max(large.shape)
    (small,) = find_repeats(image)
    boxes = {tuple(np.round(np.array(box) / 8).astype(int)) for box in (pair.first_box, pair.second_box)}
    for box in (small.first_box, small.second_box):
        assert min(np.abs(np.array(box) * 4 / 8 - other).max() for other in boxes) < 8


def test_the_same_picture_gives_the_same_answer(photo):
    image, _ = forged(photo, scale=0.9, angle=15)
    first, second = find_repeats(image), find_repeats(image)
    assert json.dumps([r.to_json() for r in first]) == json.dumps([r.to_json() for r in second])
    assert all(np.array_equal(a.first, b.first) for a, b in zip(first, second))


def test_json_holds_what_was_found(photo):
    (pair,) = find_repeats(forged(photo)[0])
    record = json.loads(json.dumps(pair.to_json()))
    assert record.keys() == {"first_box", "second_box", "matches", "similarity", "mirrored", "scale", "angle"}
    x0, y0, x1, y1 = record["first_box"]
    rows, columns = np.nonzero(pair.first)
    assert (x0, y0, x1, y1) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert copy_move.LEAST_SIMILARITY <= record["similarity"] <= 1 and record["matches"] >= 3


def test_what_repeats_at_equal_steps_is_a_pattern(photo):
    """Three posts of a fence: the step that leads from the first to the second leads on to the third."""
    image = cv2.GaussianBlur(photo, (0, 0), 1)
    for left in (20, 220, 420):
        image[100:300, left : left + 80] = photo[60:260, 300:380]
    assert find_repeats(image, doubtful=True)[0].pattern
    image[:, 400:] = photo[:, 400:]
    (copy,) = find_repeats(image)
    assert not copy.pattern and not dataclasses.replace(copy, pattern=True).doubtful  # they share their grain
    other_grain = dataclasses.replace(copy.grain, agreement=0.4)
    assert dataclasses.replace(copy, grain=other_grain, pattern=True).doubtful
    assert not dataclasses.replace(copy, grain=other_grain).doubtful
    assert dataclasses.replace(copy, matches=4).doubtful
