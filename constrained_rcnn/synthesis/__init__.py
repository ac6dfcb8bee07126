"""Forged training images from ordinary photos: splices, copy-moves and removals with complete masks."""

from .generate import DEFAULT_SIZE, Forgery, synthesize
from .photos import find_photos, split_photos
from .presets import DEFAULT_PRESET, PRESETS, Preset, get_preset
from .writer import write_forgeries

__all__ = [
    "DEFAULT_PRESET",
    "DEFAULT_SIZE",
    "PRESETS",
    "Forgery",
    "Preset",
    "find_photos",
    "get_preset",
    "split_photos",
    "synthesize",
    "write_forgeries",
]
