"""Which witnesses there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import (
    block_grid,
    copy_move,
    double_jpeg,
    error_levels,
    jpeg_ghosts,
    jpeg_history,
    metadata,
    noise,
    provenance,
)
from .exhibit import Exhibit
from .finding import Observation
from .names import WITNESS_NAMES


@dataclass(frozen=True)
class Witness:
    """One independent source of evidence.

    Attributes:
        name: key in files and on the command line.
        observe: looks at an exhibit. Whatever it raises counts as "cannot be judged".
        title, examined, look_for, ignore, innocent_causes: see :class:`.finding.Finding`.
    """

    name: str
    observe: Callable[[Exhibit], Observation]
    title: str
    examined: str
    look_for: str
    ignore: str
    innocent_causes: tuple[str, ...]


_MODULES = {
    "provenance": provenance,
    "metadata": metadata,
    "jpeg_history": jpeg_history,
    "double_jpeg": double_jpeg,
    "block_grid": block_grid,
    "jpeg_ghosts": jpeg_ghosts,
    "error_levels": error_levels,
    "noise": noise,
    "copy_move": copy_move,
}


def _witness(name: str) -> Witness:
    module = _MODULES[name]
    return Witness(name, module.observe, module.TITLE, module.EXAMINED, module.LOOK_FOR, module.IGNORE, module.INNOCENT)


#: Name -> witness, in the order of the sheet.
WITNESSES: dict[str, Witness] = {name: _witness(name) for name in WITNESS_NAMES}
