"""Evidence about one image: independent witnesses, each with its finding, its map and its measured error rate.

No Torch, no network. ``examine(path)`` asks every witness; see :mod:`.registry`. What the witnesses say is never added
up: they were not measured together. Public names are loaded when they are first used.
"""

from __future__ import annotations

from ..utils.lazy_names import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
