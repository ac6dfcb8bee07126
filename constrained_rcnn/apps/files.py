"""What every command over many files does alike: read them, say why one was skipped, and keep results off inputs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ..utils.errors import UserError
from ..utils.files import printable

#: Largest file that is read, bytes.
MAX_BYTES = 1 << 30


def check_output(folder: Path, files: list[Path], parts: Iterable[str] = ()) -> None:
    """None of the results' names may be that of an input.

    Args:
        folder: of the results, and ``parts``, folders in it.
        files: the inputs.

    Raises:
        UserError: it holds an input.
    """
    own = {path.resolve() for path in (folder, *(folder / part for part in parts))}
    parents: dict[Path, Path] = {}
    for file in files:
        if parents.setdefault(file.parent, file.parent.resolve()) in own:
            raise UserError(f"--output {printable(folder)}: holds an input, {printable(file)}, that results could "
                            "overwrite; name another folder")  # fmt: skip


def reason(error: BaseException, file: Path) -> str:
    """One line that says why a file was skipped, without its name."""
    if isinstance(error, MemoryError) or "not enough memory" in str(error):  # NumPy's and Torch's way to say so
        return "not enough memory for an image of this size"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = printable(" ".join(said.split()))
    if not isinstance(error, (UserError, OSError)):
        return f"failed in a way that was not foreseen, please report it: {type(error).__name__}: {said}"
    for prefix in (f"{printable(file)}: ", "image: "):
        said = said.removeprefix(prefix)
    return said


def read_bytes(file: Path) -> bytes:
    """A file's content, read once, so that digest and pixels are of the same bytes."""
    state = os.stat(file)
    if not stat.S_ISREG(state.st_mode):
        raise UserError("not a regular file")
    if state.st_size > MAX_BYTES:
        raise UserError(f"{state.st_size} bytes; files above {MAX_BYTES} are not read")
    return file.read_bytes()
