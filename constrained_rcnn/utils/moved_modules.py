"""Import paths of the last release that README or docs named: they work for one more release, with a warning."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import CodeType, ModuleType

#: Old module -> new one, both below ``constrained_rcnn``.
MOVED = {
    "detectron2_install": "install.detectron2",
    "pairs": "matching",
    "pairs.comparison": "matching.image_pairs",
    "predictor": "inference.predictor",
    "repeats": "matching.copy_move",
    "tensorflow": "released",
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out the module of the new path under the old one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != "constrained_rcnn" or name not in MOVED:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Finder(), is_package=name in ("pairs", "tensorflow"))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        new_name = _new_name(spec.name)
        warnings.warn(
            f"{spec.name} has moved to {new_name}; the old path ends with the next release", DeprecationWarning, 2
        )
        module = importlib.import_module(new_name)
        self.spec = module.__spec__  # Python now puts the old name's in its place
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # it has been executed under its own name

    def get_code(self, fullname: str) -> CodeType | None:
        """For ``python -m``."""
        new_name = _new_name(fullname)
        spec = importlib.util.find_spec(new_name)
        return spec.loader.get_code(new_name) if spec and isinstance(spec.loader, importlib.abc.InspectLoader) else None


def _new_name(old_name: str) -> str:
    package, _, name = old_name.partition(".")
    return f"{package}.{MOVED[name]}"


def install() -> None:
    """Lets Python find the old paths; a second call changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
