"""What lies where in a case folder, and whether a folder may become one."""

from __future__ import annotations

from pathlib import Path

from ...utils.errors import UserError
from ...utils.files import printable
from ...utils.output_folder import LOCK

#: Copies of the inputs; results of detection, evidence sheets among them.
ORIGINALS, RESULTS = "originals", "results"
#: Settings and list of files; what happened when; digests of all the others, written last: it is the seal.
CASE, LOG, MANIFEST = "case.json", "log.txt", "SHA256SUMS"
#: Of ``case.json``; grows where a key changes its meaning or goes.
SCHEMA_VERSION = 2


def refuse_used(folder: Path) -> None:
    """A case needs a folder of its own.

    Raises:
        UserError: it is no folder, or anything but a run's lock is in it.
    """
    named = f"--case {printable(folder)}"
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{named}: is not a folder; name another one")
    names = {path.name for path in folder.iterdir()} - {LOCK} if folder.is_dir() else set()
    if MANIFEST in names:
        raise UserError(f"{named}: holds a sealed case already; name another folder")
    if names & {CASE, LOG, ORIGINALS}:
        raise UserError(f"{named}: holds a case that was never sealed; delete it, or name another folder")
    if names:
        raise UserError(f"{named}: holds other files; a case needs a new or an empty folder")


def require_sealed(folder: Path) -> None:
    """
    Raises:
        UserError: no sealed case is there.
    """
    if not folder.is_dir():
        raise UserError(f"{printable(folder)}: no such folder; give the folder of a case")
    if (folder / MANIFEST).is_file():
        return
    if any((folder / name).exists() for name in (CASE, LOG, ORIGINALS)):
        raise UserError(f"{printable(folder)}: this case was never sealed: it has no {MANIFEST}; detect again")
    raise UserError(f"{printable(folder)}: holds no case; give a folder that detect --case made")
