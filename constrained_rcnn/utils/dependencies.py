"""Says in one line that a library is missing, before an import says it in many."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from .errors import UserError


class MissingDependency(UserError, ImportError):
    """A library is not there, or cannot be imported."""


def require(module: str, package: str, what: str) -> ModuleType:
    """Imports a module of an optional library.

    Args:
        module: to import.
        package: what pip calls the library.
        what: what it is needed for, as the beginning of a sentence in the plural.

    Raises:
        MissingDependency: it is not installed, or fails to import.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        remedy = f"run `{sys.executable} -m pip install {package}`"
        raise MissingDependency(f"{what} need the library {package} ({error}); {remedy}") from None


def require_detectron2() -> None:
    """Imports Torch, torchvision and Detectron2, or says which of them is missing and how to get it.

    Raises:
        MissingDependency: one of them is missing or fails to import.
    """
    needs = (
        ("torch", "Torch", "install torch and torchvision as a pair"),
        ("torchvision", "torchvision", "install the version that belongs to the Torch in use"),
        ("detectron2", "Detectron2", f"run `{sys.executable} -m constrained_rcnn.install.detectron2`"),
    )
    for module, name, remedy in needs:  # all of them before the first is loaded: that takes seconds
        if importlib.util.find_spec(module) is None:
            raise MissingDependency(f"{name} is not installed in this environment; {remedy}")
    for module, name, remedy in needs:
        try:
            importlib.import_module(module)
        except (ImportError, OSError, RuntimeError) as error:  # libraries or operators of another version
            raise MissingDependency(f"{name} cannot be imported ({error}); {remedy}") from error
