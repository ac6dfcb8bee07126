"""Masks made by subtracting the authentic partner."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from constrained_rcnn.matching.difference import CLOSING
from constrained_rcnn.preparation.sources.casia import _spelled
from constrained_rcnn.preparation.sources.subtraction import changed, difference
from tests.helpers.casia_tree import photo

SIZE = (240, 320)


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def scene(seed: int) -> np.ndarray:
    """A photo with some grain, (H, W, 3) uint8."""
    grain = np.random.default_rng(seed).normal(0, 6, (*SIZE, 3))
    return np.clip(photo(seed, *SIZE) * 0.8 + 20 + grain, 0, 255).astype(np.uint8)


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("seed", range(4))
def test_finds_the_region_under_compression(seed):
    partner, donor, truth = scene(seed), scene(seed + 50), np.zeros(SIZE, np.uint8)
    cv2.ellipse(truth, (150, 120), (60, 40), 30, 0, 360, 1, -1)
    truth = truth.astype(bool)
    image = partner.copy()
    image[truth] = donor[truth]
    mask = changed(jpeg(image, 85), jpeg(partner, 95))
    assert iou(mask, truth) > 0.9
    # Compression alone is no change, and neither is nothing.
    assert not changed(jpeg(partner, 85), jpeg(partner, 95)).any()
    assert not changed(partner, partner).any()


def test_holes_are_filled_small_regions_dropped_and_the_border_kept():
    partner = np.full((*SIZE, 3), 120, np.uint8)
    image = partner.copy()
    image[0:80, 0:100] = 40  # reaches the border
    image[20:60, 30:70] = 120  # a hole: what was pasted happens to look like the ground
    image[150:156, 200:206] = 40  # small beside the region
    mask = changed(image, partner)
    truth = np.zeros(SIZE, bool)
    truth[0:80, 0:100] = True
    assert iou(mask, truth) > 0.97 and mask[40, 50] and not mask[150:156, 200:206].any()
    image[150:200, 200:250] = 40  # large enough: a second region
    assert changed(image, partner)[175, 225]


def test_a_gap_that_the_closing_spans_is_closed():
    partner = np.full((*SIZE, 3), 120, np.uint8)
    image = partner.copy()
    image[50:100, 50:150] = 40
    image[:, 98:102] = 120
    assert CLOSING > 4 and changed(image, partner)[60:90, 100].all()


def test_the_pixels_choose_the_partner(tmp_path):
    first, second = scene(1), scene(2)
    paths = []
    for number, pixels in enumerate((first, second)):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), pixels)
    image = second.copy()
    image[20:60, 20:60] = first[20:60, 20:60]
    best = difference(image, paths)
    assert best.partner == paths[1] and best.median == 0
    assert difference(scene(3), paths) is None
    assert difference(image[:-1], paths) is None  # another size


def test_ids_with_letters_in_disorder():
    partners = {"nat0063": Path("a"), "sec0011": Path("b"), "art0063": Path("c")}
    assert _spelled("ant0063", partners) == "nat0063"
    assert _spelled("sce0011", partners) == "sec0011"
    assert _spelled("ani0063", partners) == "ani0063" and _spelled("ant0064", partners) == "ant0064"
