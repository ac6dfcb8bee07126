"""Which files a user means, and what their results are called."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from .data.files import list_images, printable

#: Longest stem of a result's name; suffixes and digests come on top.
_LONGEST = 100


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
