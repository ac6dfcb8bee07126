"""Which files of a folder are images: by their content, or because their name says so. Nothing vanishes in silence."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..utils.errors import UserError
from ..utils.files import printable
from .kinds import HEAD, kind_of

logger = logging.getLogger(__name__)

#: Suffixes (lower case) of files that are meant as images: they are listed without a look inside, and whoever reads
#: them says what is wrong. Others are looked into.
IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jfif .jpe .png .tif .tiff .bmp .webp .gif .ppm .pgm .pbm .pnm .jp2 .avif .heic .heif .hif .mpo "
    ".dng .nef .cr2 .cr3 .arw .orf .rw2 .raf .pef .srw .tga".split()
)
#: What systems leave in folders beside files with a leading dot, in lower case.
SYSTEM_NAMES = frozenset(
    [
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "__macosx",
        "@eadir",
    ]  # fmt: skip
)
NOT_AN_IMAGE, EMPTY = "not an image", "an empty file"
NO_FILE, BROKEN_LINK, LINKED_FOLDER = "not a regular file", "a link that leads nowhere", "a link to a folder"
#: Names that a summary shows of each reason.
SHOWN = 5


@dataclass
class FolderListing:
    """What is in a folder, at any depth, in an order that no file system decides.

    Attributes:
        images: files that are images by content or name.
        left_out: (path, reason) of the others.
        hidden: paths of hidden and system files and folders; what such a folder holds is not looked at.
        unreadable: (path, reason) of folders that cannot be listed, and of files that cannot be opened to see.
    """

    images: list[Path] = field(default_factory=list)
    left_out: list[tuple[Path, str]] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def list_folder(folder: Path, *, exclude: Iterable[Path] = ()) -> FolderListing:
    """Looks through a folder.

    Links to files count as the files, wherever they lie; links to folders are not followed, so that no loop and
    nothing outside of the folder is walked into (``folder`` itself may be a link). Names are kept as they are, with
    line breaks and with bytes that are no UTF-8 (as surrogates): show them by ``printable``.

    Args:
        folder: searched recursively, to any depth.
        exclude: folders whose content is passed over.

    Returns:
        Paths that begin with ``folder``, sorted by their posix form; nothing where there is no such folder.
    """
    excluded = {Path(path).resolve() for path in exclude}
    listing, waiting = FolderListing(), [Path(folder)] if os.path.isdir(folder) else []
    while waiting:  # not os.walk: before Python 3.12 a thousand nested folders exhaust its stack
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    inner = _sort(directory / entry.name, entry, listing)
                    if inner and not (excluded and inner.resolve() in excluded):
                        waiting.append(inner)
        except OSError as error:
            listing.unreadable.append((directory, f"the folder cannot be listed: {_why(error)}"))
    for paths in (listing.images, listing.hidden):
        paths.sort(key=Path.as_posix)
    for pairs in (listing.left_out, listing.unreadable):
        pairs.sort(key=lambda pair: pair[0].as_posix())
    return listing


def _sort(path: Path, entry: os.DirEntry, listing: FolderListing) -> Path | None:
    """Puts an entry where it belongs; returns a folder that is to be looked through, too."""
    if entry.name.startswith(".") or entry.name.lower() in SYSTEM_NAMES:
        listing.hidden.append(path)
    elif entry.is_dir(follow_symlinks=False):
        return path
    elif not (os.path.isfile(path) if entry.is_symlink() else entry.is_file()):
        listing.left_out.append((path, _odd(path)))
    elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
        listing.images.append(path)
    else:
        try:
            with open(path, "rb", buffering=0) as file:
                head = file.read(HEAD)
        except OSError as error:
            listing.unreadable.append((path, f"cannot be opened: {_why(error)}"))
        else:
            if kind_of(head) is not None:
                listing.images.append(path)
            else:
                listing.left_out.append((path, NOT_AN_IMAGE if head else EMPTY))
    return None


def _odd(path: Path) -> str:
    if not os.path.exists(path):
        return BROKEN_LINK
    return LINKED_FOLDER if os.path.isdir(path) else NO_FILE


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def list_images(folder: Path, *, exclude: Iterable[Path] = (), known: Container[Path] = ()) -> list[Path]:
    """The images of a folder, for who needs them all; what is left out is summed up in the log.

    Args:
        folder, exclude: see :func:`list_folder`.
        known: files of the folder that are no images and that the caller reads itself: the log does not name them.

    Returns:
        Paths that begin with ``folder``, sorted by their posix form.

    Raises:
        UserError: a folder in it cannot be listed, or a file not be opened: part of the images would be missing.
    """
    listing = list_folder(folder, exclude=exclude)
    for path, reason in listing.unreadable:
        raise UserError(f"{printable(path)}: {reason}; make it readable, or move it elsewhere")
    left_out = [(printable(path.relative_to(folder)), reason) for path, reason in listing.left_out if path not in known]
    for line in summary_lines(left_out):
        _warn_once(f"{printable(folder)}: left out: {line}")
    return listing.images


@lru_cache(4096)
def _warn_once(line: str) -> None:
    logger.warning("%s", line)


def summary_lines(left_out: Iterable[tuple[str, str]]) -> list[str]:
    """(name, reason) each -> "3 files, not an image: a.txt, b.pdf, c.mov", a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out:
        by_reason.setdefault(reason, []).append(name)
    lines = []
    for reason, names in sorted(by_reason.items()):
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        lines.append(f"{len(names)} {'file' if len(names) == 1 else 'files'}, {reason}: {shown}")
    return lines


def hidden_line(paths: list[Path]) -> str:
    """One line for all hidden and system files: how many, and the commonest names."""
    names = [printable(name) for name, _ in Counter(path.name for path in paths).most_common(SHOWN)]
    return ", ".join(names) + (" and others" if len({path.name for path in paths}) > SHOWN else "")
