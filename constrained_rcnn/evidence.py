"""What makes a result repeatable: digests of file, weights and config, versions, and the time."""

from __future__ import annotations

import datetime
import hashlib
import importlib
import os
import platform

from . import __version__

#: Packages that a result may depend on, by the names they are imported under.
_PACKAGES = ("torch", "torchvision", "detectron2", "numpy", "PIL", "cv2")


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def config_sha256(cfg) -> str:
    """Hexadecimal SHA-256 of a config, without what changes no result: paths and the number of loader workers."""
    relevant = cfg.clone()
    relevant.OUTPUT_DIR, relevant.DATALOADER.NUM_WORKERS, relevant.MODEL.WEIGHTS = "", 0, ""
    return hashlib.sha256(relevant.dump().encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of this package, Python and what the network and the readers of files are made of."""
    found = {"constrained_rcnn": __version__, "python": platform.python_version()}
    return {**found, **{name: importlib.import_module(name).__version__ for name in _PACKAGES}}


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
