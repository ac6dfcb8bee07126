from __future__ import annotations

import cv2
import numpy as np
import pytest

from constrained_rcnn.evidence import Level, copy_move, examine
from constrained_rcnn.evidence.block_grid import block_votes, foreign
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.outliers import boxes, outliers
from tests.helpers.photo_files import as_jpeg, as_png, decoded, photo

#: What is pasted: (top, left, height, width) pixels, on the grid.
PATCH = (144, 128, 160, 128)


def one(data: bytes, witness: str):
    (found,) = examine(data, [witness])
    return found


def pasted(whole: np.ndarray, other: np.ndarray, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """``whole`` with the patch of ``other``, which stood ``shift`` pixels further down and right there."""
    top, left, height, width = PATCH
    made = whole.copy()
    down, right = shift
    made[top : top + height, left : left + width] = other[
        top + down : top + down + height, left + right : left + right + width
    ]
    return made


def share_inside(found) -> float:
    """Share of the most suspicious part of the map that lies in the patch."""
    marked = cv2.resize(found.map, photo().shape[1::-1], interpolation=cv2.INTER_NEAREST) >= 0.8 * found.map.max()
    top, left, height, width = PATCH
    inside = np.zeros(marked.shape, bool)
    inside[top : top + height, left : left + width] = True
    return float(inside[marked].mean())


def test_region_on_another_grid():
    strong = decoded(as_jpeg(photo(), 60, subsampling=0))
    made = as_png(pasted(decoded(as_jpeg(photo(), 92, subsampling=0)), strong, shift=(3, 5)))
    found = one(made, "block_grid")
    assert found.level.rank >= Level.MODERATE.rank and share_inside(found) > 0.6
    assert found.facts["strength"] > 5
    assert found.facts["grid"] == [0, 0] and "block grid of its own" in found.sentence
    (x1, y1, x2, y2), *_ = found.regions
    top, left, height, width = PATCH
    assert x1 < left + width and x2 > left and y1 < top + height and y2 > top


def test_grid_of_a_cropped_jpeg():
    cropped = decoded(as_jpeg(photo(), 70))[3:, 5:]
    found = one(as_png(cropped), "block_grid")
    assert found.facts["grid"] == [3, 5]
    assert found.level is not Level.STRONG and "cropped or moved since" in found.sentence


def test_no_grid_without_jpeg():
    found = one(as_png(photo()), "block_grid")
    assert found.facts["grid"] is None and found.level is Level.NOTHING_FOUND


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_makes_no_grid(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (400, 400), np.uint8)
    votes = block_votes(pixels)
    assert foreign(votes, set(), set()).max() < 1


def test_ghost_of_a_lower_quality():
    whole, strong = (decoded(as_jpeg(photo(), quality, subsampling=0)) for quality in (92, 60))
    found = one(as_jpeg(pasted(whole, strong), 95, subsampling=0), "jpeg_ghosts")
    untouched = one(as_jpeg(whole, 95, subsampling=0), "jpeg_ghosts")
    assert found.facts["strength"] > 1.3 * untouched.facts["strength"]
    # What is a multiple of the steps of quality 60 is one of their halves, too, which are those of quality 80.
    assert found.facts["quality"] in (60, 80) and share_inside(found) > 0.6


def test_noise_of_another_camera():
    rng = np.random.default_rng(1)
    smooth = cv2.GaussianBlur(photo(), (0, 0), 4).astype(float)
    plain, noisy = (np.clip(smooth + rng.normal(0, sigma, smooth.shape), 0, 255).astype(np.uint8) for sigma in (2, 4))
    found, untouched = (one(as_png(pixels), "noise") for pixels in (pasted(plain, noisy), plain))
    assert found.facts["strength"] > 2 * untouched.facts["strength"]
    assert share_inside(found) > 0.7


def test_noise_without_any_cannot_be_judged():
    smooth = cv2.GaussianBlur(photo(), (0, 0), 6)
    found = one(as_png(smooth), "noise")
    assert found.level is Level.CANNOT_BE_JUDGED and "left no noise" in found.sentence


def test_error_levels_of_what_was_never_saved():
    found = one(as_jpeg(pasted(decoded(as_jpeg(photo(), 50)), photo()), 97, subsampling=0), "error_levels")
    assert share_inside(found) > 0.3  # by chance it would be 0.12
    assert set(found.images) == {"error levels, brightened"}


def test_copy_move_points_to_both_places():
    made = photo().copy()
    made[300:420, 230:350] = made[20:140, 130:250]
    found = one(as_png(made), "copy_move")
    assert found.level in (Level.MODERATE, Level.STRONG) and len(found.regions) == 2
    assert found.map[340, 300] > 0.5 and found.map[60, 200] > 0.5


def test_copy_move_in_a_large_image_points_to_its_pixels():
    made = cv2.resize(photo(), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)  # longer than what is matched
    made = np.clip(made + np.random.default_rng(0).normal(0, 4, made.shape), 0, 255).astype(np.uint8)
    made[1200:1680, 920:1400] = made[80:560, 520:1000]
    found = one(as_png(made), "copy_move")
    assert found.level.rank >= Level.MODERATE.rank and "error" not in found.facts
    boxes = sorted(found.regions, key=lambda box: box[1])
    for box, expected in zip(boxes, ((520, 80, 1000, 560), (920, 1200, 1400, 1680))):
        assert np.abs(np.subtract(box, expected)).max() < 40
    assert found.map.shape[0] / found.map.shape[1] == pytest.approx(made.shape[0] / made.shape[1], rel=0.01)


def test_copy_move_does_not_look_twice(monkeypatch):
    made = photo().copy()
    made[300:420, 230:350] = made[20:140, 130:250]
    exhibit = Exhibit.read(as_png(made))
    pairs = copy_move.find_repeats(exhibit.pixels, doubtful=True)
    looked = copy_move.observe(exhibit)
    monkeypatch.setattr(copy_move, "find_repeats", None)
    given = copy_move.observe(exhibit, pairs)
    assert given.level is looked.level and given.facts == looked.facts and np.array_equal(given.map, looked.map)


def test_outliers_take_out_what_explains():
    rng = np.random.default_rng(0)
    explained = rng.uniform(0, 10, (40, 50)).astype(np.float32)
    values = 3 * explained + rng.normal(0, 0.1, explained.shape).astype(np.float32)
    usable = np.ones(values.shape, bool)
    plain = outliers(values, usable, [explained])
    values[10:20, 10:20] += 2
    found = outliers(values, usable, [explained])
    assert found.strength > 2 * plain.strength
    assert found.deviation[15, 15] == pytest.approx(found.strength, rel=0.3) and abs(found.deviation[30, 40]) < 5


def test_outliers_need_enough_cells():
    values = np.zeros((10, 10), np.float32)
    assert outliers(values, np.ones((10, 10), bool), []) is None


def test_boxes_stay_inside():
    marked = np.zeros((4, 5), bool)
    marked[2:, 3:] = True
    assert boxes(marked, 8, (30, 38), 4) == ((28, 20, 38, 30),)
