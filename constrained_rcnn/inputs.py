"""Which files a user means, and what their results are called."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from .data.files import list_images

#: Longest stem of a result's name; suffixes and digests come on top.
_LONGEST = 100
#: Characters that a terminal, a table or a page must not be handed as they are: controls, line and paragraph
#: separators, and those that turn the direction of writing.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(name: str | os.PathLike) -> str:
    """A file's name as text that is safe to show and to encode: what is not, as an escape such as ``\\x0a``.

    Raises nothing: bytes that are no UTF-8 become escapes, too.
    """
    text = os.fsencode(os.fspath(name)).decode("utf-8", "backslashreplace")
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def find_inputs(inputs: Iterable[str]) -> tuple[list[Path], list[str]]:
    """Resolves files, folders and patterns.

    Args:
        inputs: a file, a folder (searched recursively) or a glob pattern each; ``-`` stands for a list of such on
            standard input, one a line, or separated by NUL bytes.

    Returns:
        The files, each once, in the order given; and one line per input that leads nowhere.
    """
    files: list[Path] = []
    lost = []
    for given in [name for item in inputs for name in (_listed() if item == "-" else [item])]:
        path = Path(given).expanduser()
        try:
            if path.is_dir():
                found = list_images(path)
            elif path.exists():
                found = [path]
            else:
                found = [Path(p) for p in sorted(glob.glob(str(path), recursive=True)) if os.path.isfile(p)]
        except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
            lost.append(f"{printable(given)}: {' '.join(str(error).split())}")
            continue
        if not found:
            lost.append(f"{printable(given)}: no such file, or no picture in it")
        files += found
    return list(dict.fromkeys(files)), lost


def _listed() -> list[str]:
    data = sys.stdin.buffer.read()
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(part) for part in parts if part]


def output_names(files: list[Path]) -> dict[Path, str]:
    """A name for each file's results: its stem, made safe; where that is not the stem, or several share it, with a
    digest of the path behind it.

    Names hold letters, digits, ``.``, ``_``, ``-``, spaces, parentheses and ``+`` only, so that no result leaves its
    folder, and do not depend on the order of the files.
    """
    safe = {file: re.sub(r"[^\w.() +-]", "_", file.stem)[:_LONGEST].strip(" .") for file in files}
    shared: dict[str, int] = {}
    for name in safe.values():
        shared[name.lower()] = shared.get(name.lower(), 0) + 1
    return {
        file: name if name == file.stem and shared[name.lower()] == 1 else f"{name}-{_digest(file)}".lstrip("-")
        for file, name in safe.items()
    }


def _digest(file: Path) -> str:
    return hashlib.sha256(os.fsencode(file.absolute())).hexdigest()[:8]
