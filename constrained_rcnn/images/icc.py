"""Colour profiles (ICC.1): their names, whether they say anything but sRGB, and the way to sRGB for people's eyes.

The network sees the pixels as they are stored, whatever the profile; see docs/files_that_are_read.md for the reasons.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from ..utils.files import printable

#: Characters of a profile's name that are shown.
_NAME = 80
#: Errors of a profile that cannot be used, or of a Pillow that uses none.
_UNUSABLE = (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError)
#: Largest profile that is applied, bytes; those of printers have about three million.
_LARGEST = 1 << 22
#: Bytes of a profile's header that name its colour space, and Pillow's mode of pixels in it.
_SPACE, _MODES = slice(16, 20), {b"RGB ": "RGB", b"GRAY": "L"}
#: Levels of 255 by which a profile's colours may differ from sRGB's and be the same to everybody.
_SAME = 3


def profile_name(profile: bytes) -> str:
    """What a profile calls itself, on one line; "(without a name)" where that cannot be read."""
    try:
        name = ImageCms.getProfileDescription(ImageCms.getOpenProfile(io.BytesIO(profile)))
    except _UNUSABLE:
        name = ""
    return printable(" ".join(name.split())[:_NAME]) or "(without a name)"


def fits(profile: bytes, mode: str) -> bool:
    """Whether pixels of a mode of Pillow, once they are RGB, are still colours of the profile's space."""
    grey = mode in ("1", "L", "LA", "La") or mode.startswith("I")
    colour = mode in ("P", "PA") or mode.startswith("RGB")
    return profile[_SPACE] == (b"GRAY" if grey else b"RGB ") and (grey or colour)


@lru_cache(4)
def is_srgb(profile: bytes) -> bool:
    """Whether colours by this profile look as if they were sRGB; False also where that cannot be told."""
    ramp = np.arange(0, 256, 51, dtype=np.uint8)
    samples = np.stack(np.meshgrid(ramp, ramp, ramp), axis=-1).reshape(1, -1, 3)
    if profile[_SPACE] == b"GRAY":
        samples = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    shown = _applied(samples, profile)
    return shown is not None and int(np.abs(shown.astype(int) - samples).max()) <= _SAME


def to_srgb(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """Pixels as a viewer shows them; for images that people look at, reduced before.

    Args:
        pixels: (H, W, 3) uint8 BGR, as stored.
        profile: of the file; empty: none.

    Returns:
        (H, W, 3) uint8 BGR, sRGB; the same pixels where the profile cannot be applied.
    """
    shown = _applied(pixels[:, :, ::-1], profile) if profile else None
    return pixels if shown is None else np.ascontiguousarray(shown[:, :, ::-1])


def _applied(pixels: np.ndarray, profile: bytes) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB -> the same in sRGB; of grey the first channel counts. None: it cannot be applied."""
    mode = _MODES.get(profile[_SPACE])
    if mode is None or len(profile) > _LARGEST:
        return None
    stored = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if mode == "L" else pixels))
    try:
        transform = ImageCms.buildTransform(
            ImageCms.getOpenProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )  # fmt: skip
        return np.asarray(ImageCms.applyTransform(stored, transform))
    except _UNUSABLE:
        return None
