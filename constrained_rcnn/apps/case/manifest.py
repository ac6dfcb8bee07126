"""The seal: a list of every file's SHA-256 in the form of ``sha256sum``, and what does not agree with it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...utils.errors import UserError
from ...utils.files import printable, write_bytes_atomic
from ...utils.output_folder import LOCK
from ...utils.provenance import sha256
from .layout import MANIFEST

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Check:
    """Attributes: missing, changed, added: names of files, with ``/`` on every system."""

    missing: list[str]
    changed: list[str]
    added: list[str]

    @property
    def equal(self) -> bool:
        return not (self.missing or self.changed or self.added)


def write_manifest(folder: Path, expected: Mapping[str, str]) -> int:
    """Seals a folder that this run has locked.

    Args:
        folder: of the case.
        expected: digests that files must have, by name: those of the bytes that were read.

    Returns:
        The number of files.

    Raises:
        UserError: a copy on the disk is not what was read, or something in the folder is no regular file.
        OutputError: it cannot be written.
    """
    digests = {}
    for name, path in sorted(_files(folder).items()):
        if not _is_plain(path):
            raise UserError(f"{printable(path)}: is no regular file; a case holds nothing else")
        digests[name] = sha256(path)
    for name, digest in expected.items():
        if digests.get(name) != digest:
            raise UserError(f"{printable(folder / name)}: is not what was written there; check the disk, detect again")
    text = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    write_bytes_atomic(folder / MANIFEST, text.encode())
    return len(digests)


def read_manifest(folder: Path) -> dict[str, str]:
    """Digests by file name.

    Raises:
        UserError: it is damaged, or names files elsewhere.
    """
    path = folder / MANIFEST
    damaged = UserError(f"{printable(path)}: is damaged; this case cannot be verified")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise damaged from None
    digests: dict[str, str] = {}
    for line in lines[:-1] if lines[-1] == "" else lines:
        found = _LINE.fullmatch(line)
        if found is None or found[2] in digests or not _stays_inside(found[2]):
            raise damaged
        digests[found[2]] = found[1]
    if not digests:
        raise damaged
    return digests


def check_files(folder: Path, digests: Mapping[str, str]) -> Check:
    """Compares a folder with its manifest; links count as changed, whatever they lead to."""
    there = _files(folder, without=())
    there.pop(MANIFEST, None)
    both = [name for name in digests if name in there]
    return Check(
        missing=sorted(digests.keys() - there.keys()),
        changed=sorted(name for name in both if not _is_plain(there[name]) or sha256(there[name]) != digests[name]),
        added=sorted(there.keys() - digests.keys()),
    )


def _files(folder: Path, without: tuple[str, ...] = (LOCK,)) -> dict[str, Path]:
    """All that is no folder, by name; links to folders are not followed and count as files."""
    found = {}
    for parent, folders, files in os.walk(folder, onerror=_raise):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for path in (Path(parent) / name for name in [*links, *files]):
            found[path.relative_to(folder).as_posix()] = path
    return {name: path for name, path in found.items() if name not in without}


def _raise(error: OSError) -> None:
    raise error  # a folder that cannot be listed must not pass for an empty one


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return "\0" not in name and not path.is_absolute() and ".." not in path.parts and path.as_posix() == name
