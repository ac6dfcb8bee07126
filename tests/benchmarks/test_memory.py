"""The benchmark of memory shows images of ever-new sizes and measures when it says."""

import sys

import numpy as np
import pytest

from constrained_rcnn.benchmarks.memory import ever_new_sizes, memory_over_sizes


def test_no_two_sizes_are_alike():
    sizes = ever_new_sizes(16, (5, 8))
    assert len(set(sizes)) == 16 and {side for size in sizes for side in size} == {5, 6, 7, 8}
    assert ever_new_sizes(9, (5, 8)) != ever_new_sizes(9, (5, 8), seed=1)
    with pytest.raises(ValueError, match="16 sizes have sides from 5 to 8, 17 are wanted"):
        ever_new_sizes(17, (5, 8))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_is_kept_shows():
    sizes, seen, kept = ever_new_sizes(7, (20, 40)), [], []

    def predict(image):
        seen.append(image.shape[:2])
        kept.append(np.ones((64 if len(seen) > 3 else 0) << 20, np.uint8))

    rows = list(memory_over_sizes(predict, sizes, every=3))
    assert seen == sizes and [row.images for row in rows] == [3, 6, 7]
    assert 150 <= rows[1].resident - rows[0].resident and 40 <= rows[2].resident - rows[1].resident
    assert all(row.highest >= row.resident for row in rows)
