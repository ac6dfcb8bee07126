"""The session's folder: a temporary one that goes with the session, or one that stays."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...utils import locks
from ...utils.errors import UserError
from ...utils.output_folder import LOCK, output_folder

_PREFIX = "constrained-rcnn-serve-"


@contextlib.contextmanager
def session_folder(keep: str | None) -> Iterator[Path]:
    """
    Args:
        keep: folder in which results stay; None: a temporary one, of this user alone, which is removed at the end. What
            a killed session left is removed, too.

    Raises:
        UserError: ``keep`` cannot be written, or another session writes there.
    """
    if keep is not None:
        with output_folder(Path(keep), "--keep") as folder:
            yield folder
        return
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*"):
        _remove_left(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with locks.open_locked(folder / LOCK, "somebody has it"):
            yield folder


def _remove_left(folder: Path) -> None:
    """Removes the folder of a session whose process is gone: its lock ended with it. Other users' stay."""
    with contextlib.suppress(OSError, UserError):
        if locks.AVAILABLE and not folder.is_symlink() and (folder / LOCK).is_file():
            with locks.open_locked(folder / LOCK, "a session is running there"):
                shutil.rmtree(folder, ignore_errors=True)
