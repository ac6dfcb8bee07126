"""What makes a result repeatable: digests of files, versions, and the time."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from .. import __version__

#: Packages that a result may depend on, by the names they are imported under.
_PACKAGES = ("torch", "torchvision", "detectron2", "numpy", "PIL", "cv2")


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def versions(packages: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Versions of this package, Python and the packages, by the names they are imported under; unless others are named,
    what the network and the readers of files are made of. Detectron2's comes with a digest of its files: 0.6 and the
    main branch both say 0.6."""
    versions_by_name = {"constrained_rcnn": __version__, "python": platform.python_version()}
    versions_by_name |= {name: importlib.import_module(name).__version__ for name in packages}
    if "detectron2" in versions_by_name:
        versions_by_name["detectron2"] += f" (tree {tree_sha256('detectron2')[:12]})"
    return versions_by_name


@functools.cache
def tree_sha256(package: str) -> str:
    """Hexadecimal SHA-256 of a package's Python files, their names and contents."""
    root = Path(str(importlib.import_module(package).__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
