"""Regions that look like objects where nobody outlined any: compact, apart from the rest, with a fine outline."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..matching.difference import fill_holes
from .masks import largest_part

#: Longest side in pixels of the copy on which outlines are refined.
_SIDE = 160
#: Smallest 4 pi area / perimeter^2 (1 for a disc, 0.79 for a square) of a region that passes for an object.
COMPACT = 0.25
#: Largest share of a region's outline that may lie on the image's border.
BORDER = 0.15


def compactness(mask: np.ndarray) -> float:
    """4 pi area / perimeter^2 of an H x W bool mask: 1 for a disc, near 0 for a ragged region."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    return float(4 * np.pi * mask.sum() / length**2) if length else 0.0


def border_share(mask: np.ndarray) -> float:
    """Share of an H x W bool mask's outline that lies on the image's border."""
    edge = mask & ~cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).astype(bool)
    inner = edge[1:-1, 1:-1].sum()
    return float(1 - inner / max(1, edge.sum()))


def contrast(lab: np.ndarray, mask: np.ndarray) -> float:
    """How far a region's colours are from those around it: distance of the means, in Lab levels.

    Args:
        lab: H x W x 3 uint8 (OpenCV's 8-bit Lab).
        mask: H x W bool.
    """
    ring = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~mask
    if not ring.any() or not mask.any():
        return 0.0
    return float(np.linalg.norm(lab[mask].mean(0) - lab[ring].mean(0)))


def scores(candidates: Sequence[np.ndarray], image: np.ndarray) -> np.ndarray:
    """How much each candidate looks like an object: its compactness times its contrast, less for the border.

    Args:
        candidates: bool each, all on one grid: the image's or a coarser one.
        image: H x W x 3 uint8 RGB.

    Returns:
        One number >= 0 each; 0 for what is too ragged or lies along the image's border.
    """
    ratio = min(1.0, _SIDE / max(image.shape[:2]))
    size = (max(16, round(image.shape[1] * ratio)), max(16, round(image.shape[0] * ratio)))
    lab = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    values = np.zeros(len(candidates))
    for index, mask in enumerate(candidates):
        mask = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        compact, border = compactness(mask), border_share(mask)
        if compact >= COMPACT and border <= BORDER:
            values[index] = min(compact, 0.6) * contrast(lab, mask) * (1 - 2 * border)
    return values


def refine(image: np.ndarray, mask: np.ndarray, seed: int) -> np.ndarray:
    """Draws a region's outline anew along the image's own edges (GrabCut, Rother et al. 2004).

    Args:
        image: H x W x 3 uint8 RGB.
        mask: h x w bool, roughly an object, on the image's grid or a coarser one.
        seed: of GrabCut's start, so that the result does not depend on what a thread did before.

    Returns:
        H x W bool, the largest connected part without holes; maybe empty.
    """
    height, width = image.shape[:2]
    ratio = min(1.0, _SIDE / max(height, width))
    size = (max(16, round(width * ratio)), max(16, round(height * ratio)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    rough = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    # Outline unknown within an eighth of the region's own width.
    reach = max(2, int(np.sqrt(rough.sum()) / 8))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    inner = cv2.erode(rough.astype(np.uint8), kernel, borderValue=0).astype(bool)
    outer = cv2.dilate(rough.astype(np.uint8), kernel).astype(bool)
    labels = np.full(rough.shape, cv2.GC_BGD, np.uint8)
    labels[outer] = cv2.GC_PR_BGD
    labels[rough] = cv2.GC_PR_FGD
    labels[inner] = cv2.GC_FGD
    if not inner.any() or outer.all():
        return np.zeros((height, width), bool)
    cv2.setRNGSeed(seed)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    box = (0, 0, *size)  # not heeded: the labels say where
    labels, _, _ = cv2.grabCut(np.ascontiguousarray(small), labels, box, *models, 1, cv2.GC_INIT_WITH_MASK)
    foreground = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    foreground = cv2.morphologyEx(foreground, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(foreground.astype(np.float32), (0, 0), 1.0)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    return fill_holes(largest_part(soft > 0.5))
