"""What makes a result repeatable: digests of file, weights and config, versions, and the time."""

from __future__ import annotations

import datetime
import hashlib
import importlib
import os
import platform
from collections.abc import Iterable

import yaml

from . import __version__

#: Packages that a result may depend on, by the names they are imported under.
_PACKAGES = ("torch", "torchvision", "detectron2", "numpy", "PIL", "cv2")


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def sha256(path: str | os.PathLike) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def config_text(cfg) -> str:
    """A config as yaml that :func:`load_config` reads, the same text for the same values, without what changes no
    result: paths and the number of loader workers."""
    relevant = cfg.clone()
    relevant.OUTPUT_DIR, relevant.DATALOADER.NUM_WORKERS, relevant.MODEL.WEIGHTS = "", 0, ""
    # A dump of a config marks values that happen to be one object; the same config read from a file has none.
    return yaml.dump(yaml.safe_load(relevant.dump()), Dumper=_WithoutAliases, sort_keys=True)


def config_sha256(cfg) -> str:
    """Hexadecimal SHA-256 of :func:`config_text` in UTF-8."""
    return hashlib.sha256(config_text(cfg).encode()).hexdigest()


def versions(packages: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Versions of this package, Python and the packages, by the names they are imported under; unless others are named,
    what the network and the readers of files are made of."""
    found = {"constrained_rcnn": __version__, "python": platform.python_version()}
    return {**found, **{name: importlib.import_module(name).__version__ for name in packages}}


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
