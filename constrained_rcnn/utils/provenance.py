"""What makes a result repeatable: digests of file, weights and config, versions, and the time."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib
import os
import platform
from collections.abc import Iterable
from pathlib import Path

import yaml

from .. import __version__

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


#: What changes no result of given weights, and so is left out of the config that is kept beside results.
_TRAINING = (
    "OUTPUT_DIR", "MODEL.WEIGHTS", "VIS_PERIOD", "SEED", "SOLVER", "DATALOADER", "DATASETS.TRAIN", "DATASETS.TEST",
    "DATASETS.SYNTHESIS",
)  # fmt: skip


def config_text(cfg, *, training: bool = False) -> str:
    """What is needed to repeat a run, as yaml that :func:`load_config` reads; the same text for the same values.

    This package's keys, and those of Detectron2 that differ from their defaults: one that is new in Detectron2's main
    branch and not used would keep Detectron2 0.6 from loading it, and would change the digest.

    Args:
        cfg: from :func:`load_config`.
        training: keep what only training uses, and paths, too.
    """
    from detectron2.config import get_cfg as get_detectron2_cfg

    values = yaml.safe_load(cfg.dump())
    for key in () if training else _TRAINING:
        *parents, name = key.split(".")
        group = values
        for parent in parents:
            group = group.get(parent, {})
        group.pop(name, None)
    kept = _changed(values, yaml.safe_load(get_detectron2_cfg().dump()))
    # Without it Detectron2 guesses. A dump marks values that happen to be one object; a file that is read has none.
    return yaml.dump({**kept, "VERSION": cfg.VERSION}, Dumper=_WithoutAliases, sort_keys=True)


def _changed(values: dict, defaults: dict) -> dict:
    """What is not in ``defaults``, or has another value there."""
    kept = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict):
            value = _changed(value, default)
            if value:
                kept[key] = value
        elif key not in defaults or value != default:
            kept[key] = value
    return kept


def config_sha256(cfg) -> str:
    """Hexadecimal SHA-256 of :func:`config_text` in UTF-8."""
    return hashlib.sha256(config_text(cfg).encode()).hexdigest()


def versions(packages: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Versions of this package, Python and the packages, by the names they are imported under; unless others are named,
    what the network and the readers of files are made of. Detectron2's comes with a digest of its files: 0.6 and the
    main branch both say 0.6."""
    found = {"constrained_rcnn": __version__, "python": platform.python_version()}
    found |= {name: importlib.import_module(name).__version__ for name in packages}
    if "detectron2" in found:
        found["detectron2"] += f" (tree {tree_sha256('detectron2')[:12]})"
    return found


@functools.cache
def tree_sha256(package: str) -> str:
    """Hexadecimal SHA-256 of a package's Python files, their names and contents."""
    root = Path(importlib.import_module(package).__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
