"""Forged training images from ordinary photos: splices, copy-moves and removals with complete masks.

Names are loaded when they are first used: a command's help needs the presets' names, not OpenCV.
"""

from __future__ import annotations

from ..utils.lazy_names import lazy_names

#: Name -> module that defines it.
_PUBLIC = {
    "DEFAULT_PRESET": "presets",
    "DEFAULT_SIZE": "presets",
    "PRESETS": "presets",
    "Forgery": "forgery",
    "Preset": "presets",
    "find_photos": "photos",
    "get_preset": "presets",
    "split_photos": "photos",
    "synthesize": "generate",
    "write_forgeries": "writer",
}

__all__ = list(_PUBLIC)

__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
