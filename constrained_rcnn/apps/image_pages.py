"""What is detected or compared: a file, or a page of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..images.reading import read_header
from ..utils.errors import UserError
from ..utils.files import printable

FIRST, ALL = "first", "all"
CHOICES = (FIRST, ALL)


@dataclass(frozen=True)
class Item:
    """Attributes: file: its path. page: from 1; None: the first page, or all that there is. label: what results and
    messages call the file; "": its path."""

    file: Path
    page: int | None = None
    label: str = ""

    @property
    def place(self) -> Path:
        """A path that no other item has; that of a page lies inside of its file, where no file can be."""
        return self.file if self.page is None else self.file / f"{self.file.stem}_page{self.page}"

    @property
    def shown(self) -> str:
        """What results call the file; safe to print."""
        return printable(self.label or self.file)

    def __str__(self) -> str:
        """What messages call it; safe to print."""
        return self.shown if self.page is None else f"{self.shown}, page {self.page}"


def items_of(files: Iterable[Path], pages: str, *, max_pixels: int) -> list[Item]:
    """Each file once, or once for each page.

    Args:
        files: their paths.
        pages: ``FIRST`` or ``ALL``.
        max_pixels: of the largest image that is read. A file that cannot be is one item, and fails where it is read.
    """
    if pages == FIRST:
        return [Item(file) for file in files]
    return [Item(file, page) for file in files for page in _pages(file, max_pixels)]


def _pages(file: Path, max_pixels: int) -> Iterable[int | None]:
    try:
        count = read_header(file, max_pixels=max_pixels).pages
    except UserError:
        count = 1
    return range(1, count + 1) if count > 1 else (None,)
