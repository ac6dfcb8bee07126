"""Formats in which other tools list images and masks: read into a ``Scan``, and written from a prepared split.

:data:`.published.PEER_FORMATS` describes each. None of them knows techniques or groups: what is read is filed as
``tampered``, each image a group of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.techniques import TAMPERED
from ..images.folder_listing import list_images
from ..utils.errors import UserError
from ..utils.files import write_bytes_atomic, write_json_atomic, write_png_atomic
from ..utils.output_folder import LOCK, output_folder, staged
from .findings import SKIPPED, Finding
from .mask_options import USUAL, MaskOptions
from .published import PEER_FORMATS
from .sources import MaskFile, Sample, Scan, child

#: Each form's name.
FORMATS = tuple(PEER_FORMATS)
#: Words for "no mask" that the formats use, lower case.
_NO_MASK = ("negative", "none", "")
_JPEG = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Listing:
    """Pairs of an image and its mask (None: authentic), as a file of another tool lists them.

    Attributes:
        pairs: absolute paths, in the file's order.
        black_is_authentic: an empty mask means authentic (the folder form has no other way).
        source: the file, or None for folders.
    """

    pairs: list[tuple[Path, Path | None]]
    black_is_authentic: bool = False
    source: Path | None = None

    @property
    def image_root(self) -> Path:
        """The folder that all images lie under."""
        return Path(os.path.commonpath([image.parent for image, _ in self.pairs]))

    @property
    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on and that is there."""
        files = dict.fromkeys(path for pair in self.pairs for path in pair if path is not None and path.is_file())
        return [*files, *([self.source] if self.source else [])]

    def scan(self, options: MaskOptions = USUAL) -> Scan:
        """One sample per image; what is listed twice counts once and is among the findings."""
        samples: dict[Path, Sample] = {}
        findings = []
        for image, mask in self.pairs:
            if image in samples:
                findings.append(Finding(SKIPPED, "listed twice", image.name, "the first entry counts"))
                continue
            samples[image] = Sample(
                image, MaskFile(mask, TAMPERED, options, empty_is_authentic=self.black_is_authentic) if mask else None
            )
        return Scan(list(samples.values()), findings)


def read_listing(form: str, path: Path, base: Path) -> Listing:
    """Reads a list of another tool.

    Args:
        form: one of ``FORMATS``.
        path: the list, or the folder with ``Tp`` and ``Gt``.
        base: folder that relative paths in the list start from.

    Raises:
        UserError: not there, not of that form, or empty. Missing images are not looked for here.
    """
    if form == "imdl-folder":
        images, masks = (child(path, name) for name in ("tp", "gt"))
        if images is None or masks is None:
            raise UserError(f"{path}: no folders Tp and Gt in it")
        columns = [sorted(list_images(folder), key=lambda file: file.name) for folder in (images, masks)]
        if len(columns[0]) != len(columns[1]):
            raise UserError(f"{path}: {len(columns[0])} images in Tp, {len(columns[1])} in Gt; they go by their order")
        listing = Listing([(a.resolve(), b.resolve()) for a, b in zip(*columns)], black_is_authentic=True)
    else:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read ({error})") from None
        rows = _json_rows(path, text) if form == "imdl-json" else _line_rows(form, path, text)
        pairs = [
            (_place(base, image), None if mask.lower() in _NO_MASK else _place(base, mask)) for image, mask in rows
        ]
        listing = Listing(pairs, source=path)
    if not listing.pairs:
        raise UserError(f"{path}: no images in it")
    return listing


def write_listing(form: str, entries: Iterable[Mapping[str, Any]], output: Path, base: Path | None) -> list[str]:
    """Writes a prepared split for another tool. Images and masks are referred to, or copied byte by byte.

    Args:
        form: one of ``FORMATS``.
        entries: what ``annotation_format.load`` gives.
        output: file to write, or the folder for ``Tp`` and ``Gt``.
        base: write paths relative to this folder; None: absolute.

    Returns:
        One line per image that the format cannot hold, and why.

    Raises:
        UserError: forged images without masks, paths that the format cannot hold, a folder that is not empty.
    """
    entries = list(entries)
    for entry in entries:
        if not entry["authentic"] and entry["mask_file_name"] is None:
            raise UserError(f"{entry['file_name']}: has boxes only, no mask; these formats need masks")
    if form == "imdl-folder":
        _write_folders(entries, output)
        return []

    def name(path: str | None) -> str | None:
        if path is None or base is None:
            return path
        return Path(os.path.relpath(path, base)).as_posix()

    rows = [(name(entry["file_name"]), name(entry["mask_file_name"])) for entry in entries]
    if form == "imdl-json":
        write_json_atomic(output, [[image, mask or "Negative"] for image, mask in rows], indent=1)
        return []
    separator, omitted, lines = " " if form == "mvss" else ",", [], []
    for image, mask in rows:
        for path in filter(None, (image, mask)):
            if separator in path or "\n" in path:
                raise UserError(f"{path}: the format separates by {separator!r}, which is in this path; rename it")
        if form == "mvss":
            lines.append(f"{image} {mask} {int(mask is not None)}")
        elif form == "trufor":
            lines.append(f"{image},{mask}")
        elif str(image).lower().endswith(_JPEG):
            lines.append(f"{image},{mask},{image}")
        else:
            omitted.append(f"{image}: not a JPEG, and CAT-Net needs one beside it; nothing is encoded again here")
    write_bytes_atomic(output, "".join(line + "\n" for line in lines).encode("utf-8"))
    return omitted


def _place(base: Path, name: str) -> Path:
    """Absolute path of a list's entry; dots go by name only, so that a link stays the path that the list gives."""
    return Path(os.path.normpath(base.resolve() / Path(name.replace("\\", "/"))))


def _json_rows(path: Path, text: str) -> list[tuple[str, str]]:
    try:
        rows = [(image, mask) for image, mask in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not of the form [[image, mask], ...] ({error})") from None
    if not all(isinstance(value, str) for row in rows for value in row):
        raise UserError(f"{path}: not of the form [[image, mask], ...]: images and masks are texts")
    return rows


def _line_rows(form: str, path: Path, text: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split() if form == "mvss" else [word.strip() for word in line.split(",")]
        if not line.strip() or (
            not rows and [word.lower() for word in words[:2]] in (["image", "mask"], ["img", "mask"])
        ):
            continue
        if len(words) != {"mvss": 3, "trufor": 2, "catnet": 3}[form] or (form == "mvss" and words[2] not in "01"):
            raise UserError(f"{path}: line {number} is not of the form of {form}: {line[:80]!r}")
        if form == "mvss" and (words[1].lower() in _NO_MASK) != (words[2] == "0"):
            raise UserError(f"{path}: line {number}: label {words[2]} with mask {words[1]}; 1 needs one, 0 has None")
        rows.append((words[0], words[1]))
    return rows


def _write_folders(entries: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Copies into ``Tp`` and ``Gt`` under numbers, so that both sort alike; authentic images get black masks."""
    with output_folder(output) as output:
        if any(path.name != LOCK for path in output.iterdir()):
            raise UserError(f"{output}: not empty; the folder form pairs by order, so it must be a folder of its own")
        with staged(output) as stage:
            _copy_all(entries, stage)


def _copy_all(entries: Sequence[Mapping[str, Any]], output: Path) -> None:
    for number, entry in enumerate(entries):
        image = Path(entry["file_name"])
        write_bytes_atomic(output / "Tp" / f"{number:06}_{image.name}", image.read_bytes())
        mask = output / "Gt" / f"{number:06}_{image.stem}.png"
        if entry["mask_file_name"]:
            write_bytes_atomic(mask, Path(entry["mask_file_name"]).read_bytes())
        else:
            write_png_atomic(mask, np.zeros((entry["height"], entry["width"]), bool))
