from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evidence.tails import binomial_tails, window_sums


@pytest.mark.parametrize(("n", "k", "p"), [(10, 3, 0.125), (64, 40, 0.3), (300, 0, 0.3), (324, 324, 0.3)])
def test_tails_are_those_of_the_binomial_law(n, k, p):
    stats = pytest.importorskip("scipy.stats")
    expected = -stats.binom.logsf(k - 1, n, p) / np.log(10)
    assert binomial_tails(324, p)[n, k] == pytest.approx(expected, abs=1e-6)


def test_sums_over_windows():
    marked = np.zeros((20, 30), bool)
    marked[5:9, 10:14] = True
    sums = window_sums(marked, 4)
    assert sums.max() == 16 and sums.sum() == 16 * 16 and sums.dtype == np.int16
