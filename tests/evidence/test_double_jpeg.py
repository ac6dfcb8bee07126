from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evidence import Level, examine
from constrained_rcnn.evidence.blocks import block_coefficients
from constrained_rcnn.evidence.double_compression import earlier_compression
from constrained_rcnn.evidence.double_jpeg import likelihood, unlikely
from constrained_rcnn.evidence.jpeg_tables import standard_luma
from tests.helpers.photo_files import as_jpeg, as_png, decoded, photo

LARGE = np.concatenate([np.concatenate([photo(), photo()[:, ::-1]], 1), np.concatenate([photo()[::-1], photo()], 1)])
TRUTH = (slice(240, 560), slice(200, 520))


def double_jpeg(data: bytes):
    (found,) = examine(data, ["double_jpeg"])
    return found


def pasted(part: np.ndarray) -> np.ndarray:
    made = decoded(as_jpeg(LARGE, 70, subsampling=0)).copy()
    made[TRUTH] = part[TRUTH]
    return made


def inside(found) -> float:
    """Share of the most suspicious part of the map that lies in what was pasted."""
    rows, columns = np.nonzero(found.map >= 0.8 * found.map.max())
    scale = LARGE.shape[0] / found.map.shape[0]
    y, x = TRUTH
    return float(np.mean((rows * scale >= y.start) & (rows * scale < y.stop)
                         & (columns * scale >= x.start) & (columns * scale < x.stop)))  # fmt: skip


@pytest.mark.parametrize("save", [lambda pixels: as_jpeg(pixels, 95, subsampling=0), as_png], ids=["jpeg", "png"])
def test_part_that_was_never_compressed(save):
    found = double_jpeg(save(pasted(LARGE)))
    assert found.facts["strength"] > 20
    assert inside(found) > 0.8
    assert abs(found.facts["earlier_quality"] - 70) <= 2


def test_large_part_is_told_in_words():
    larger = np.tile(LARGE, (2, 2, 1))
    made = decoded(as_jpeg(larger, 70, subsampling=0)).copy()
    made[400:1000, 400:1000] = larger[400:1000, 400:1000]
    found = double_jpeg(as_jpeg(made, 95, subsampling=0))
    assert found.level.rank >= Level.WEAK.rank and found.regions


def test_part_that_was_compressed_on_another_grid():
    other = np.roll(decoded(as_jpeg(LARGE, 70, subsampling=0)), (3, 5), (0, 1))
    assert inside(double_jpeg(as_jpeg(pasted(other), 95, subsampling=0))) > 0.8


def test_image_that_was_saved_twice_as_a_whole():
    whole = double_jpeg(as_jpeg(decoded(as_jpeg(LARGE, 70, subsampling=0)), 95, subsampling=0))
    forged = double_jpeg(as_jpeg(pasted(LARGE), 95, subsampling=0))
    assert whole.level is Level.NOTHING_FOUND
    assert forged.facts["strength"] > 3 * max(whole.facts["strength"], 5)


@pytest.mark.parametrize("data", [as_jpeg(LARGE, 90), as_png(LARGE)], ids=["jpeg", "png"])
def test_image_that_was_saved_once_cannot_be_judged(data):
    found = double_jpeg(data)
    assert found.level is Level.CANNOT_BE_JUDGED and "no earlier compression" in found.sentence


def test_false_alarms_are_bounded_where_nothing_is_foreign():
    """Blocks without order: of 40 such images hardly one may have a window that is expected less than once in ten."""
    rng = np.random.default_rng(0)
    usable, number = np.ones((60, 60), bool), np.full((60, 60), 5)
    fields = [unlikely(rng.normal(0, 1, (60, 60)).astype(np.float32), usable, number).max() for _ in range(40)]
    assert sum(value > 1 for value in fields) <= 4


def test_blocks_of_both_kinds_are_told_apart():
    luma = np.random.default_rng(0).normal(128, 30, (320, 320)).clip(0, 255).astype(np.uint8)
    rgb = np.repeat(luma[..., None], 3, 2)
    made = decoded(as_jpeg(rgb, 60)).copy()
    made[:160] = rgb[:160]
    pixels = decoded(as_jpeg(made, 95))[..., 0]
    table = standard_luma(95)
    on, off = block_coefficients(pixels), block_coefficients(pixels[4:, 4:])
    earlier = earlier_compression(on, off, table)
    crop = block_coefficients(pixels[4:, 4:].copy())
    assert earlier is not None and len(earlier.steps) >= 3
    ratio, number = likelihood(on, crop, earlier, table)
    assert number.max() <= len(earlier.steps)
    assert np.median(ratio[22:]) > np.median(ratio[:18]) + 0.5
