"""The one way to claim an output folder, and to write files there that belong together."""

from __future__ import annotations

import contextlib
import datetime
import errno
import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import OutputError, UserError
from .files import UNFINISHED, output_error, printable, write_bytes_atomic, write_json_atomic
from .locks import open_locked, remove_leftovers

#: The file that is locked while a run writes into its folder.
LOCK = ".lock"
#: Errors of the disk itself, whose file Python often does not name.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


@contextlib.contextmanager
def output_folder(folder: str | os.PathLike, option: str = "--output", parts: Iterable[str] = ()) -> Iterator[Path]:
    """Makes a folder and keeps every other run out of it while this one writes there.

    What killed runs left is removed first: temporary files, and folders whose names begin with ``UNFINISHED``. The lock
    ends with the process, however it ends, and holds on every host that sees the folder (if its file system has locks).

    Args:
        folder: for the outputs.
        option: how the user named it, for the error.
        parts: folders in it that are made, too.

    Raises:
        UserError: another run writes there.
        OutputError: it cannot be made or written; also where the disk ends the run inside of the context.
    """
    folder = Path(folder)
    named = f"{option} {printable(folder)}"
    places = [folder, *(folder / part for part in parts)]
    try:
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
            if not os.access(place, os.W_OK | os.X_OK):
                raise OSError(errno.EACCES, "cannot be written")
    except OSError as error:
        location = named if place == folder else f"{named}: {place.name}"
        raise OutputError(f"{location}: {str(error.strerror).lower()}; name another folder") from None
    path = folder / LOCK
    busy = f"{named}: another run is writing there{_holder(path)}; wait for it, or name another folder"
    try:
        file = open_locked(path, busy)
    except OSError as error:
        raise OutputError(f"{named}: {(error.strerror or str(error)).lower()}; name another folder") from None
    with file:
        try:
            file.truncate(0)
            started = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
            file.write(f" (process {os.getpid()} on {platform.node()}, since {started})".encode())
            for place in places:
                remove_leftovers(place, again=True)
            remove_unfinished(folder)
            yield folder
        except OSError as error:
            raise_output_error(error, folder)
            raise
        finally:
            with contextlib.suppress(OSError):  # the lock itself is what counts
                path.unlink()


def claim_settings(folder: Path, settings: Mapping[str, Any], option: str = "--output") -> None:
    """Records in ``settings.json`` what a folder's results depend on, and refuses to mix two runs' results.

    Args:
        folder: claimed by :func:`output_folder`.
        settings: JSON values.
        option: how the user named the folder, for the error.

    Raises:
        UserError: the folder holds results that were made with other settings, or nobody knows with which.
    """
    path, settings = folder / "settings.json", json.loads(json.dumps(settings))
    if path.is_file():
        try:
            previous = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise UserError(f"{printable(path)}: is damaged; delete it, or give another {option}") from None
        differing = [key for key in {**previous, **settings} if previous.get(key) != settings.get(key)]
        if differing:
            raise UserError(
                f"{printable(folder)}: holds results with {differing[0]} {previous.get(differing[0])}, not "
                f"{settings.get(differing[0])}; give another {option}"
            )
    write_json_atomic(path, settings, indent=2)


def remove_unfinished(folder: Path) -> None:
    """Removes what processes that have ended left of files that were not whole; the folder is this run's."""
    for unfinished in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(unfinished, ignore_errors=True)


def raise_output_error(error: BaseException, folder: Path) -> None:
    """Raises OutputError where an error is one of writing into a folder; returns where it is another one."""
    if isinstance(error, OutputError):
        raise error
    if isinstance(error, OSError) and error.errno != errno.ENOENT:  # folders are made where they are missing
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        if name is not None and Path(os.path.abspath(name)).is_relative_to(os.path.abspath(folder)):
            raise output_error(name, error) from None
        if error.errno in _DISK:
            raise output_error(folder, error) from None


@contextlib.contextmanager
def staged(folder: Path, name: str = UNFINISHED) -> Iterator[Path]:
    """Gives a folder for files that belong together; at the end all of them go to their places below ``folder``.

    An error inside leaves what was there before as it was.

    Args:
        folder: for the files; this process alone writes there.
        name: of the folder in it that they are written to first.
    """
    stage = folder / name
    try:
        shutil.rmtree(stage, ignore_errors=True)
        yield stage
        publish(stage, folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def publish(stage: Path, folder: Path) -> None:
    """Moves every file below ``stage`` to the same place below ``folder``, JSON files last, and removes ``stage``.

    Raises:
        OutputError: one of them cannot be replaced. Where that can be told before, none has been.
    """
    files = [path for path in stage.rglob("*") if path.is_file()]
    files.sort(key=lambda path: (path.suffix == ".json", path))
    targets = [folder / path.relative_to(stage) for path in files]
    target = folder
    try:
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        for file, target in zip(files, targets):
            try:
                os.replace(file, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                write_bytes_atomic(target, file.read_bytes())  # its folder is a link to another disk
    except OSError as error:
        raise output_error(target, error) from None
    shutil.rmtree(stage, ignore_errors=True)


def _holder(path: Path) -> str:
    """What the lock file says about its holder."""
    try:
        return printable(path.read_bytes()[:200].decode("utf-8", "replace"))
    except OSError:
        return ""
