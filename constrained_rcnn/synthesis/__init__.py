"""Forged training images from ordinary photos: splices, copy-moves and removals with complete masks.

Names are loaded when they are first used: a command's help needs the presets' names, not OpenCV.
"""

from __future__ import annotations

import importlib
from typing import Any

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


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)
