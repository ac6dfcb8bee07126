"""Evidence about one image: independent witnesses, each with its finding, its map and its measured error rate.

No Torch, no network. ``examine(path)`` asks every witness; see :mod:`.registry`. What the witnesses say is never added
up: they were not measured together. Public names are loaded when they are first used.
"""

from __future__ import annotations

import importlib

#: Public name -> module that defines it.
_PUBLIC = {
    "Exhibit": "exhibit",
    "Finding": "finding",
    "Level": "finding",
    "WITNESS_NAMES": "names",
    "ask": "examination",
    "examine": "examination",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
