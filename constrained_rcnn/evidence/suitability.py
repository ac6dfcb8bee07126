"""Whether an image can carry the traces that pixel witnesses look for."""

from __future__ import annotations

import numpy as np

from .exhibit import Exhibit

#: Smallest side, pixels.
LEAST_SIDE = 128
#: A band of this many grey levels that holds more than this share: a drawing, a document, or nothing to see.
_BAND, _LARGEST_SHARE = 9, 0.65


def unsuitable(exhibit: Exhibit) -> str | None:
    """Why pixel witnesses say nothing of an image, in words; None where they can."""
    if min(exhibit.luma.shape) < LEAST_SIDE:
        return f"a side is shorter than {LEAST_SIDE} pixels"
    step = max(1, int((exhibit.luma.size / 500_000) ** 0.5))
    counts = np.bincount(exhibit.luma[::step, ::step].ravel(), minlength=256)
    if np.convolve(counts, np.ones(_BAND), "same").max() > _LARGEST_SHARE * counts.sum():
        return "it is a drawing, a document, or mostly one tone"
    return None
