"""Keypoints and what they look like, also in the mirrored image: SIFT (Lowe, IJCV 2004)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def keypoints(grey: np.ndarray, most: int, where: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """
    Args:
        grey: (H, W) uint8.
        most: the strongest are kept.
        where: (H, W) bool, only there; None: everywhere.

    Returns:
        Positions (N, 2) float32, XY, and descriptors (N, 128) float32 of length 1: roots of SIFT's (RootSIFT).
    """
    if min(grey.shape) < 8:  # nothing to find, and OpenCV fails on lines of pixels
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    options: dict[str, Any] = {"contrastThreshold": 0.005, "edgeThreshold": 20, "enable_precise_upscale": True}
    if where is None:
        detected, descriptors = cv2.SIFT.create(nfeatures=most, **options).detectAndCompute(grey, None)
    else:  # a mask would be heeded only after the strongest of all have been chosen
        sift = cv2.SIFT.create(**options)
        detected = sorted(sift.detect(grey, where.view(np.uint8)), key=lambda keypoint: -keypoint.response)[:most]
        detected, descriptors = sift.compute(grey, detected)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    points = np.array([keypoint.pt for keypoint in detected], np.float32)
    descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
    return points[:most], descriptors[:most].astype(np.float32)


def mirrored(descriptors: np.ndarray) -> np.ndarray:
    """The descriptors, (N, 128), that the same keypoints have in the mirrored image.

    SIFT's 4 rows, 4 columns and 8 directions lie along the keypoint's own direction: mirrored, the rows are in reverse
    order and the directions run the other way round.
    """
    cells = descriptors.reshape(-1, 4, 4, 8)
    return cells[:, ::-1, :, -np.arange(8) % 8].reshape(descriptors.shape)
