"""How unlikely the number of marked cells in a window is: what a-contrario tests need."""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np


def window_sums(marked: np.ndarray, side: int) -> np.ndarray:
    """(R, C) int16 number of marked cells in the window around each cell. Args: marked: (R, C) bool. side: in cells."""
    size = {"ksize": (side, side), "normalize": False, "borderType": cv2.BORDER_CONSTANT}
    return cv2.boxFilter(marked.astype(np.uint8), cv2.CV_16S, **size)


@functools.lru_cache(maxsize=256)
def binomial_tails(most: int, p: float) -> np.ndarray:
    """(most + 1, most + 1) -log10 P(B(n, p) >= k) at [n, k]; 0 where k is above n."""
    p = min(p, 0.99)
    table = np.zeros((most + 1, most + 1))
    logs = np.array([math.lgamma(n + 1) for n in range(most + 1)])
    for n in range(1, most + 1):
        k = np.arange(n + 1)
        terms = logs[n] - logs[k] - logs[n - k] + k * math.log(p) + (n - k) * math.log(1 - p)
        tail = np.logaddexp.accumulate(terms[::-1])[::-1]
        table[n, : n + 1] = -tail / math.log(10)
    return np.maximum(table, 0)
