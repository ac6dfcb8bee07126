"""Which files a user means, and what their results are called."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..images.folder_listing import hidden_line, list_folder, summary_lines
from ..utils.errors import UserError
from ..utils.files import printable

#: Longest stem of a result's name, UTF-8 bytes; with the longest digest and suffix it stays below 255.
_LONGEST = 160
#: What our digests look like: a file of such a name does not keep it, or it could take another's.
_LIKE_A_DIGEST = re.compile(r"-[0-9a-f]{8,}$", re.IGNORECASE)


@dataclass
class Inputs:
    """What a user's arguments lead to.

    Attributes:
        files: each once however it is spelled, in the order given.
        lost: (printable input, reason) of what leads nowhere or cannot be looked into; each counts as skipped.
        others: (printable path, reason) of files inside of folders that are no images.
        hidden: hidden and system files inside of folders.
    """

    files: list[Path]
    lost: list[tuple[str, str]]
    others: list[tuple[str, str]]
    hidden: list[Path]

    def __add__(self, other: Inputs) -> Inputs:
        mine, theirs = ((one.files, one.lost, one.others, one.hidden) for one in (self, other))
        return Inputs(*(list(dict.fromkeys([*some, *more])) for some, more in zip(mine, theirs)))

    @property
    def left_out(self) -> list[dict[str, str]]:
        """``{"file", "reason"}`` of what is no image, for tables and pages; hidden and system files are one entry."""
        entries = [{"file": file, "reason": reason} for file, reason in self.others]
        return entries + ([{"file": hidden_line(self.hidden), "reason": self._hidden_files()}] if self.hidden else [])

    def left_out_lines(self) -> list[str]:
        """The same for people, a line for each reason."""
        lines = summary_lines((os.path.basename(file), reason) for file, reason in self.others)
        return lines + ([f"{self._hidden_files()}: {hidden_line(self.hidden)}"] if self.hidden else [])

    def why_none(self) -> str:
        """What was there instead of an image, in brackets; "" where there was nothing."""
        reasons = [f"{file}: {reason}" for file, reason in self.lost] + self.left_out_lines()
        return f" ({reasons[0]}{f'; {len(reasons) - 1} more' if len(reasons) > 1 else ''})" if reasons else ""

    def require_images(self, *given: str) -> None:
        """Refuses inputs in which no image was found.

        Args:
            given: the inputs, with their option before them where that is not plain.

        Raises:
            UserError: there is none.
        """
        if not self.files:
            named = " ".join(map(printable, given))
            raise UserError(f"{named}: no image found there{self.why_none()}; give files, folders or patterns")

    def _hidden_files(self) -> str:
        return f"{len(self.hidden)} hidden or system {'file' if len(self.hidden) == 1 else 'files'}"


def find_inputs(inputs: Iterable[str], *, exclude: Iterable[Path] = ()) -> Inputs:
    """Resolves files, folders and patterns.

    Args:
        inputs: a file, a folder (searched recursively, see :mod:`..images.folder_listing`) or a glob pattern each;
            ``-`` stands for a list of such on standard input, one a line, or separated by NUL bytes. A file that is
            there is meant, whatever its name or content. A folder that a pattern finds is searched, unless ``**`` is in
            it.
        exclude: folders that are passed over inside of folders.

    Raises:
        UserError: an empty input, which would stand for the current folder.
    """
    files: dict[Path, Path] = {}
    lost, others, hidden = [], [], []
    for given in [name for item in inputs for name in (_listed() if item == "-" else [item])]:
        if not given:
            raise UserError("an input is empty; name a file or folder (the current one is called .)")
        try:
            paths = _meant(given)
        except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
            lost.append((printable(given), getattr(error, "strerror", None) or " ".join(str(error).split())))
            continue
        if not paths:
            lost.append((printable(given), "no such file"))
        for path in paths:
            if not path.is_dir():
                files.setdefault(path.absolute(), path)
                continue
            found = list_folder(path, exclude=exclude)
            for image in found.images:
                files.setdefault(image.absolute(), image)
            lost += [(printable(one), why) for one, why in found.unreadable]
            others += [(printable(one), why) for one, why in found.left_out]
            hidden += found.hidden
            if len(paths) == 1 and not found.images and not found.unreadable:
                lost.append((printable(path), "no image in it"))
    return Inputs(list(files.values()), *(list(dict.fromkeys(some)) for some in (lost, others, hidden)))


def _meant(given: str) -> list[Path]:
    # Not Path.expanduser: it raises where "~" is just how a name begins.
    path = Path(given if os.path.lexists(given) else os.path.expanduser(given))
    if path.exists():
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
    return [one for one in found if one.is_file() or one.is_dir() and "**" not in given]


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
