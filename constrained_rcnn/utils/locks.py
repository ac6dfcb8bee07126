"""Locks on files: they end with their process, and hold on every host that sees the file (standard library only)."""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO

from .errors import UserError

try:
    import fcntl
except ImportError:  # Windows: two runs at once are then not told apart, and leftovers stay
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

#: Whether this system has such locks.
AVAILABLE = fcntl is not None
_LEFTOVER = re.compile(r"\.tmp-\d+(-[0-9a-f]{8})?")
#: Folders whose leftovers this process has removed.
_seen: set[str] = set()


def open_locked(path: Path, busy: str) -> BinaryIO:
    """Opens a file for reading and appending, unbuffered, and locks it until it is closed.

    Args:
        path: created if it is missing. Whoever deletes it must hold the lock.
        busy: the error's text.

    Raises:
        UserError: another process, or this one, has it locked.
        OSError: it cannot be opened.
    """
    while True:
        file = open(path, "a+b", buffering=0)
        if _lock(file, fcntl.LOCK_NB if fcntl else 0) is False:
            file.close()
            raise UserError(busy)
        if not AVAILABLE or _is_still(path, file):  # else the one before has deleted it meanwhile
            return file
        file.close()


def temporary_file(folder: Path) -> tuple[BinaryIO, Path]:
    """Makes a file of a name of its own, locked while it is open, so that nobody takes it for a leftover."""
    while True:
        # Short: a long name plus a suffix could pass the file system's 255 bytes.
        path = folder / f".tmp-{os.getpid()}-{secrets.token_hex(4)}"
        file = open(path, "xb")
        if _lock(file, 0) is None or _is_still(path, file):
            return file, path
        file.close()


def remove_leftovers(folder: Path, *, again: bool = False) -> None:
    """Removes the temporary files of killed processes from a folder: those that nobody has locked.

    Args:
        folder: looked through once a process, not its subfolders.
        again: look also if this process has done so before.
    """
    name = os.path.abspath(folder)
    if not AVAILABLE or name in _seen and not again:
        return
    _seen.add(name)
    try:
        entries = list(os.scandir(folder))
    except OSError:  # may be written, not listed
        return
    for entry in entries:
        if _LEFTOVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            try:
                with open(entry.path, "r+b") as file:
                    if _lock(file, fcntl.LOCK_NB):
                        os.unlink(entry.path)
            except OSError:  # of another user, or removed meanwhile
                continue


def _lock(file: BinaryIO, flag: int) -> bool | None:
    """True: locked; False: somebody else has it; None: there are no locks here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | flag)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        logger.warning("%s: no locks on this file system (%s); two runs at once are not told apart",
                       os.path.dirname(file.name), error.strerror)  # fmt: skip
        return None
    return True


def _is_still(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
