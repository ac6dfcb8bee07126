"""Evidence about one image: independent witnesses, each with its finding, its map and its measured error rate.

No Torch, no network. ``examine(path)`` asks every witness; see :mod:`.registry`. What the witnesses say is never added
up: they were not measured together.
"""

from .examine import examine
from .finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]
