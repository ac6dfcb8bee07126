"""Tiles: every pixel is covered, and every region is some tile's own that sees it whole."""

import numpy as np
import pytest
import torch

from constrained_rcnn.inference.tiles import plan_tiles


@pytest.mark.parametrize("height, width", [(256, 256), (257, 700), (100, 1000), (1111, 999)])
def test_tiles_cover_everything_and_overlap_enough(height, width):
    coverage = np.zeros((height, width), int)
    owned = np.zeros((height, width), int)
    rows, columns = np.mgrid[:height, :width] + 0.5
    boxes = torch.from_numpy(np.stack([columns, rows, columns, rows], -1).reshape(-1, 4))
    plan = plan_tiles(height, width, 256, 128)
    for tile in plan:
        assert tile.bottom - tile.top == min(256, height) and tile.right - tile.left == min(256, width)
        coverage[tile.top : tile.bottom, tile.left : tile.right] += 1
        shift = torch.tensor([tile.left, tile.top, tile.left, tile.top])
        owned += tile.owns(boxes - shift).numpy().reshape(height, width)
        # A region of the overlap's size around any point that the tile owns lies within the tile.
        x1, y1, x2, y2 = tile.core
        sides = ((y1, y2, tile.top, tile.bottom, height), (x1, x2, tile.left, tile.right, width))
        for low, high, start, end, length in sides:
            assert low == float("-inf") or low - 64 + 16 >= start
            assert high == float("inf") or high + 64 - 16 <= end
            assert (start == 0) == (low == float("-inf")) and (end == length) == (high == float("inf"))
    assert coverage.min() >= 1 and owned.min() >= 1 and owned.max() <= 4
    assert len(plan) == 1 or (owned == 1).mean() > 0.3


@pytest.mark.parametrize("height, width", [(256, 256), (257, 700), (100, 1000), (1111, 999)])
def test_cores_cover_every_pixel_of_a_map(height, width):
    covered = np.zeros((height, width), int)
    for tile in plan_tiles(height, width, 256, 128):
        image_window, tile_window = tile.core_windows()
        for axis, start, end in ((0, tile.top, tile.bottom), (1, tile.left, tile.right)):
            assert start <= image_window[axis].start < image_window[axis].stop <= end
            assert (tile_window[axis].start + start, tile_window[axis].stop + start) == (
                image_window[axis].start,
                image_window[axis].stop,
            )
        covered[image_window] += 1
        # What a border of the tile spoils does not count: 48 pixels of an overlap of 128, but for the image's own.
        for axis, end, length in ((0, tile.bottom, height), (1, tile.right, width)):
            assert end == length or end - image_window[axis].stop >= 48
        assert tile.top == 0 or image_window[0].start - tile.top >= 48
        assert tile.left == 0 or image_window[1].start - tile.left >= 48
    assert covered.min() >= 1
