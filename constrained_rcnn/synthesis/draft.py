"""A forgery in the making: the image so far, its forged regions, and what later regions must leave alone."""

from __future__ import annotations

from typing import Any, Optional

import cv2
import numpy as np

from .presets import Preset

#: What an edit returns: the image, the region (H x W bool) and its description; None where it did not fit.
Edit = Optional[tuple[np.ndarray, np.ndarray, dict[str, Any]]]


class Draft:
    """Keeps the books over the regions of one forgery; every technique takes it.

    Args:
        image: H x W x 3 uint8 RGB, before any edit.
        preset, rng: the attributes.
        gap: side of the square, pixels, by which a region's surroundings are kept free, so that regions stay apart.

    Attributes:
        image: H x W x 3 uint8 RGB, with the edits so far.
        preset: of the forgery.
        rng: its only source of randomness.
        regions: (technique, H x W bool) per edit.
        steps: what was done, one dict per edit, for the forgery's description.
        occupied: H x W bool, pixels that must stay as they are: earlier regions, and what was copied.
    """

    def __init__(self, image: np.ndarray, preset: Preset, rng: np.random.Generator, gap: int):
        self.image, self.preset, self.rng = image, preset, rng
        self.regions: list[tuple[str, np.ndarray]] = []
        self.steps: list[dict[str, Any]] = []
        self.occupied = np.zeros(image.shape[:2], bool)
        self._gap = np.ones((gap, gap), np.uint8)

    def add(
        self, technique: str, image: np.ndarray, mask: np.ndarray, step: dict[str, Any], details: dict[str, Any]
    ) -> np.ndarray | None:
        """Takes an edit over.

        Args:
            technique: of the edit.
            image, mask, step: the edit.
            details: what else its step says.

        Returns:
            The region that was copied, H x W bool, where the edit has one.
        """
        self.image = image
        self.regions.append((technique, mask))
        source = step.pop("source", None)
        if source is not None:
            self.occupied |= source  # a later region must not wipe the source out
            details["source_box"] = [int(v) for v in cv2.boundingRect(source.astype(np.uint8))]
        self.steps.append({"technique": technique, **step, **details})
        self.occupied |= cv2.dilate(mask.astype(np.uint8), self._gap).astype(bool)
        return source
