"""The drawing of copy-moves: colours on the regions alone, and an arrow that leads to the copy."""

import cv2
import numpy as np
import pytest

from constrained_rcnn.matching.copy_move import find_repeats
from constrained_rcnn.matching.suspects import CopyMove
from constrained_rcnn.visualization.copy_move import draw_copy_moves
from tests.helpers.copied import forged, photo


@pytest.fixture(scope="module")
def case():
    """(image, duplicated regions)."""
    image, _ = forged(photo())
    return image, find_repeats(image)


def copy_moves_by(pairs, *means):
    return tuple(CopyMove(pair, map_means) for pair, map_means in zip(pairs, means))


def test_the_drawing_colours_the_regions_and_nothing_else(case):
    image, pairs = case
    drawing = draw_copy_moves(image, copy_moves_by(pairs, (0.0, 0.0)))
    assert drawing.shape == image.shape and drawing.dtype == np.uint8
    coloured = np.ptp(drawing.astype(int), axis=2) > 20
    regions = pairs[0].first | pairs[0].second
    assert coloured[regions].mean() > 0.95
    near = cv2.dilate(regions.astype(np.uint8), np.ones((5, 5))) > 0
    assert coloured[~near].mean() < 0.02  # the line between them
    assert np.array_equal(draw_copy_moves(image, ())[:, :, 0], cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def test_the_arrow_leads_to_the_copy(case):
    """Its head adds pixels to the plain line around the end where it points, and nowhere else."""
    image, pairs = case
    plain = draw_copy_moves(image, copy_moves_by(pairs, (0.5, 0.5)))
    for means, name in (((0.9, 0.1), "first"), ((0.1, 0.9), "second")):
        rows, columns = np.nonzero((draw_copy_moves(image, copy_moves_by(pairs, means)) != plain).any(axis=2))
        region = getattr(pairs[0], name)
        ys, xs = np.nonzero(region)
        assert len(rows) > 10
        # A line drawn from its other end differs in a pixel or two.
        assert (np.hypot(rows - ys.mean(), columns - xs.mean()) < 25).mean() > 0.95
