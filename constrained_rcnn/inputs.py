"""Which files a user means, and what their results are called."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .data.files import list_images, printable

#: Longest stem of a result's name, UTF-8 bytes; with the longest digest and suffix it stays below 255.
_LONGEST = 160
#: What our digests look like: a file of such a name does not keep it, or it could take another's.
_LIKE_A_DIGEST = re.compile(r"-[0-9a-f]{8,}$", re.IGNORECASE)


def find_inputs(
    inputs: Iterable[str], *, exclude: Iterable[Path] = ()
) -> tuple[list[Path], list[tuple[str, str]]]:  # fmt: skip
    """Resolves files, folders and patterns.

    Args:
        inputs: a file, a folder (searched recursively) or a glob pattern each; ``-`` stands for a list of such on
            standard input, one a line, or separated by NUL bytes. A file that is there is meant, whatever its name.
        exclude: folders that are passed over inside of folders.

    Returns:
        The files, each once however it is spelled, in the order given; and (printable input, reason) of each that
        leads nowhere.
    """
    files: dict[Path, Path] = {}
    lost = []
    for given in [name for item in inputs for name in (_listed() if item == "-" else [item])]:
        try:
            found = _found(given, exclude)
        except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
            lost.append((printable(given), getattr(error, "strerror", None) or " ".join(str(error).split())))
            continue
        if not found:
            lost.append((printable(given), "no such file, or no picture in it"))
        for path in found:
            files.setdefault(path.absolute(), path)
    return list(files.values()), lost


def _found(given: str, exclude) -> list[Path]:
    # Not Path.expanduser: it raises where "~" is just how a name begins.
    path = Path(given if os.path.lexists(given) else os.path.expanduser(given))
    if path.is_dir():
        return list_images(path, exclude=exclude)
    if path.exists():
        return [path]
    return [Path(p) for p in sorted(glob.glob(str(path), recursive=True)) if os.path.isfile(p)]


def _listed() -> list[str]:
    data = sys.stdin.buffer.read()
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(part) for part in parts if part]


def output_names(files: list[Path]) -> dict[Path, str]:
    """A name for each file's results: its stem, made safe; where that is not the stem, or several share it, or it
    ends like a digest, with a digest of the path behind it.

    Names hold letters, digits, ``.``, ``_``, ``-``, spaces, parentheses and ``+`` only and begin with none of
    ``-+.`` and space, so that no result leaves its folder. No two are the same, on file systems that ignore case
    neither, and they do not depend on the order of the files.
    """
    shared = Counter(_safe(file).casefold() for file in files)
    plain = {file for file in files if _is_plain(file) and shared[file.stem.casefold()] == 1}
    names: dict[Path, str] = {}
    for digits in (8, 64):  # 8 can be made to meet by who chooses the names of folders
        names = {file: file.stem if file in plain else digested_name(file, digits) for file in files}
        if len({name.casefold() for name in names.values()}) == len(files):
            break
    return names


def digested_name(file: Path, digits: int = 8) -> str:
    """The name of a file's results that no other file's are called by: its safe stem and ``digits`` hexadecimal
    digits of its absolute path's SHA-256."""
    digest = hashlib.sha256(os.fsencode(file.absolute())).hexdigest()
    return f"{safe_stem(file)}-{digest[:digits]}"


def safe_stem(file: Path) -> str:
    """A file's stem, of characters that a result's name may have; "file" where none is left."""
    return _safe(file) or "file"


def _safe(file: Path) -> str:
    text = re.sub(r"[^\w.() +-]", "_", file.stem).encode("utf-8")[:_LONGEST].decode("utf-8", "ignore")
    return text.strip(" .").lstrip("-+. ")


def _is_plain(file: Path) -> bool:
    return file.stem != "" and _safe(file) == file.stem and not _LIKE_A_DIGEST.search(file.stem)
