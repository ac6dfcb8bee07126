"""Masks of another size than their image: repaired where that is exact and certain or allowed, refused otherwise."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ..utils.errors import UserError

#: A mask at most so many pixels off, and so great a part of the longest side, is offered to ``--fit-masks``.
NEARLY, NEARLY_PART = 32, 0.1
#: A rotation found by pixels counts if the evidence inside of the mask is so many times that of the other
#: rotation.
ROTATION_RATIO = 2.0

#: EXIF orientations that swap width and height -> what ``images.reading.UPRIGHT`` does to an image, on an array.
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    5: np.transpose,
    6: lambda mask: np.rot90(mask, 3),
    7: lambda mask: np.rot90(mask, 2).T,
    8: np.rot90,
}


def fit_mask(
    mask: np.ndarray,
    size: tuple[int, int],
    *,
    orientation: int = 1,
    evidence: np.ndarray | None = None,
    tolerance: int = 0,
) -> tuple[np.ndarray, str | None]:
    """Brings a mask to its image's size by an exact rotation or an integer scaling, or a nearly fitting one if asked.

    Args:
        mask: (h, w) bool.
        size: (H, W) of the upright image.
        orientation: the image's EXIF value; a mask drawn on the unturned pixels is turned as the image is.
        evidence: (H, W) float, large where the image is thought to be manipulated (the difference to its
            authentic partner); decides between the two quarter turns.
        tolerance: a mask whose height and width are each at most so many pixels off is resampled (nearest pixel).

    Returns:
        (H, W) bool mask and what was done in words, None where nothing had to be.

    Raises:
        UserError: neither exact nor certain. The message names no file; the caller does.
    """
    height, width = size
    h, w = mask.shape
    if mask.shape == (height, width):
        return mask, None
    if (w, h) == (height, width):
        return _turned(mask, orientation, evidence)
    if h % height == 0 and w % width == 0 and h // height == w // width:
        k = h // height
        share = mask.reshape(height, k, width, k).mean(axis=(1, 3))
        return share >= 0.5, f"scaled down by {k} from {w}x{h} (majority of {k}x{k} pixels)"
    if height % h == 0 and width % w == 0 and height // h == width // w:
        k = height // h
        return mask.repeat(k, axis=0).repeat(k, axis=1), f"scaled up by {k} from {w}x{h} (pixels repeated)"
    deviation, deviation_turned = max(abs(h - height), abs(w - width)), max(abs(h - width), abs(w - height))
    if min(deviation, deviation_turned) <= tolerance:
        target = (height, width) if deviation <= deviation_turned else (width, height)
        fitted = cv2.resize(mask.view(np.uint8), target[::-1], interpolation=cv2.INTER_NEAREST_EXACT).view(np.bool_)
        message = f"resampled from {w}x{h} to {target[1]}x{target[0]}, {min(deviation, deviation_turned)} pixels off"
        if deviation <= deviation_turned:
            return fitted, message
        fitted, turned = _turned(fitted, orientation, evidence)
        return fitted, f"{message}; {turned}"
    needed = min(deviation, deviation_turned)
    near = needed <= min(NEARLY, NEARLY_PART * max(size))
    advice = f"or let it be resampled: --fit-masks {needed}" if near else "it is too far off to be resampled"
    raise UserError(
        f"mask is {w}x{h}, its image {width}x{height}, no exact rotation or integer scale; "
        f"give one of the image's size, {advice}"
    )


def _turned(mask: np.ndarray, orientation: int, evidence: np.ndarray | None) -> tuple[np.ndarray, str]:
    if orientation in TURNS:
        return np.ascontiguousarray(TURNS[orientation](mask)), f"turned like its image (EXIF orientation {orientation})"
    h, w = mask.shape
    if evidence is not None and mask.any():
        turns = {
            "counter-clockwise": np.ascontiguousarray(np.rot90(mask)),
            "clockwise": np.ascontiguousarray(np.rot90(mask, 3)),
        }
        inside = {name: float(evidence[turned].mean()) for name, turned in turns.items()}
        best, other = sorted(inside, key=lambda turn: inside[turn], reverse=True)
        if inside[best] > ROTATION_RATIO * inside[other]:
            return turns[best], (
                f"turned by 90 degrees {best} (difference to the authentic partner inside: "
                f"{inside[best]:.1f} grey levels, the other way {inside[other]:.1f})"
            )
    raise UserError(
        f"mask is {w}x{h}, its image {h}x{w}: turned by 90 degrees, but which way is not certain; turn it yourself"
    )
