"""Grain: shared by copies, not by what is printed twice; lettering is passed over, copies on the same card are not."""

import cv2
import numpy as np
import pytest

from constrained_rcnn.matching.copy_move import find_repeats
from constrained_rcnn.matching.grain import grain_of
from tests.helpers import copied

SIDE = 110


def saved(image, quality):
    if quality is None:
        return image
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def with_grain(image, sigma, seed=0):
    noisy = image + np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def card(seed=0):
    """The same words twice on shaded paper, photographed: (420, 640, 3) uint8 BGR."""
    across, down = np.meshgrid(np.linspace(0, 1, 640), np.linspace(0, 1, 420))
    paper = (215 - 60 * across * down)[..., None] * np.array([0.85, 0.95, 1.0])
    ink = np.zeros(paper.shape[:2], np.uint8)
    for y in (110, 300):
        cv2.putText(ink, "CAFE CENTRAL", (60, y), cv2.FONT_HERSHEY_TRIPLEX, 1.6, 255, 3, cv2.LINE_AA)
        cv2.putText(ink, "open from 8 to 18", (90, y + 50), cv2.FONT_HERSHEY_COMPLEX, 1.0, 255, 2, cv2.LINE_AA)
    ink = cv2.GaussianBlur(ink, (0, 0), 0.9)[..., None] / 255
    return with_grain(paper * (1 - ink) + 45 * ink, 3, seed)


def printed_twice(sigma=5):
    """A photo with one print of another in two places, each with grain of its own."""
    image = cv2.GaussianBlur(copied.photo(), (0, 0), 0.7)
    image[30 : 30 + SIDE, 40 : 40 + SIDE] = image[250 : 250 + SIDE, 400 : 400 + SIDE]
    return with_grain(image, sigma)


@pytest.mark.parametrize("quality", [None, 95, 75])
def test_words_that_stand_twice_are_passed_over(quality):
    assert find_repeats(saved(card(), quality), doubtful=True) == ()


def test_a_copy_on_the_same_card_is_found():
    image = card()
    image[150:290, 400:640] = image[10:150, 20:260]  # paper, grain and the beginning of a word
    pairs = find_repeats(image)
    assert any(abs(pair.second_box[0] - pair.first_box[0]) == pytest.approx(380, abs=2) for pair in pairs)


def test_what_is_printed_twice_is_not_told_without_another_witness():
    assert find_repeats(printed_twice()) == ()


@pytest.mark.parametrize("quality", [None, 95])
def test_a_copy_of_the_print_with_its_grain_is_found(quality):
    image = with_grain(cv2.GaussianBlur(copied.photo(), (0, 0), 0.7), 5)
    image[30 : 30 + SIDE, 40 : 40 + SIDE] = image[250 : 250 + SIDE, 400 : 400 + SIDE]
    assert find_repeats(saved(image, quality))


def grey_and_region():
    grey = cv2.cvtColor(copied.photo(), cv2.COLOR_BGR2GRAY).astype(np.float32)
    region = np.zeros(grey.shape, bool)
    region[100:220, 150:300] = True
    return cv2.GaussianBlur(grey, (0, 0), 1), region


def test_the_same_grain_agrees_and_other_grain_does_not():
    structure, region = grey_and_region()
    first, second = (
        structure + np.random.default_rng(n).normal(0, 3, structure.shape).astype(np.float32) for n in (0, 1)
    )
    same, apart = grain_of(first, first, region), grain_of(first, second, region)
    assert same.agreement > 0.99 and same.difference < 0.01 and not same.apart
    assert abs(apart.agreement) < 0.3 and apart.difference > 5 * same.difference
    brighter = grain_of(first, 0.8 * first + 20, region)  # a copy that was toned
    assert brighter.agreement > 0.99 and brighter.difference < 0.01


def test_where_there_is_no_grain_none_is_missed():
    flat = np.full((60, 80), 120, np.float32)
    region = np.zeros(flat.shape, bool)
    region[20:40, 20:60] = True
    assert grain_of(flat, flat, region).agreement == 1
    assert not grain_of(flat, flat, np.ones(flat.shape, bool)).apart  # nothing beside it
