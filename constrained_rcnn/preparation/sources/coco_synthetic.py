"""RGB-N's synthetic set: a COCO object pasted onto another COCO image. Boxes only, for stage 1."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...images.folder_listing import list_images
from ...utils.errors import UserError
from ..findings import NOTED, REPAIRED, SKIPPED, Finding
from . import Probe, Sample, Scan, Truth

LISTS = ("train_filter_single.txt", "test_filter_single.txt")
_NAME = re.compile(r"Tp_(\d+)_(\d+)_.*", re.IGNORECASE)
_CLASSES = ("tamper", "authentic")


@dataclass(frozen=True)
class Layout:
    """The folder's images and lists, sorted."""

    images: list[Path]
    lists: list[Path]

    @property
    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        return [*self.images, *self.lists]


def find_layout(root: Path) -> Layout:
    """Lists the tree's files. Raises UserError where it is none."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; give the synthetic set's with --root")
    lists = [root / name for name in LISTS if (root / name).is_file()]
    if not lists:
        raise UserError(f"{root}: neither {' nor '.join(LISTS)} in it; --help shows the tree")
    return Layout(list_images(root, exclude=[root / "annotations", root / "masks"]), lists)


def scan(layout: Layout) -> Scan:
    """One sample per listed image, with all of its boxes; background and foreground ids make the groups."""
    findings: list[Finding] = []
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in layout.images:
        for name in (path.name.lower(), path.stem.lower()):
            by_name[name].append(path)
    boxes: dict[Path, list[Sequence[int]]] = {}
    for path in layout.lists:
        for name, box, forged in _lines(path, findings):
            image, *others = by_name.get(Path(name).name.lower(), [None])
            if image is None:
                findings.append(Finding(SKIPPED, "no such image", name, f"listed in {path.name}"))
                continue
            if others:
                places = " and ".join(path.parent.name for path in (image, *others))
                findings.append(Finding(SKIPPED, "name twice", name, f"in {places}: which one is listed is not said"))
                continue
            entry = boxes.setdefault(image, [])
            if forged and box not in entry:
                entry.append(box)
    samples = [
        Sample(image, partial(_truth, tuple(image_boxes)) if image_boxes else None, source_ids(image.stem))
        for image, image_boxes in boxes.items()
    ]
    unlisted = [path for path in layout.images if path not in boxes]
    findings += [Finding(NOTED, "not listed", path.name, "in neither list: left out") for path in unlisted]
    return Scan(samples, findings)


def source_ids(stem: str) -> tuple[str, ...]:
    """COCO ids of foreground and background (``Tp_...``), or of the one image (any other number)."""
    match = _NAME.fullmatch(stem)
    numbers = match.groups() if match else re.findall(r"\d+", stem)[-1:]
    return tuple(dict.fromkeys(f"{int(number):012}" for number in numbers))


def _lines(path: Path, findings: list[Finding]) -> Iterator[tuple[str, tuple[int, int, int, int], bool]]:
    """(name, box as (x1, y1, x2, y2), is forged) per line; a line of another form is a finding."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            name, *corners, kind = words
            x1, y1, x2, y2 = (round(float(corner)) for corner in corners)
            if kind.lower() not in _CLASSES:
                raise ValueError
        except (ValueError, OverflowError):
            message = f"{line[:60]!r} is not `name x1 y1 x2 y2 tamper|authentic`"
            findings.append(Finding(SKIPPED, "line", f"{path.name}:{number}", message))
            continue
        yield name, (x1, y1, x2, y2), kind.lower() == "tamper"


def _truth(corners: Sequence[Sequence[int]], probe: Probe) -> Truth:
    """1-based corners, the last pixel included, as 0-based boxes [x, y, width, height] inside of the image."""
    boxes, remarks = [], []
    height, width = probe.header.size
    for x1, y1, x2, y2 in corners:
        left, upper = max(x1, 1), max(y1, 1)
        right, lower = min(x2, width), min(y2, height)
        description = f"box {x1} {y1} {x2} {y2} in {width}x{height}"
        if right < left or lower < upper:
            remarks.append((REPAIRED, "box", f"{description}: empty or outside, left out"))
            continue
        if (left, upper, right, lower) != (x1, y1, x2, y2):
            remarks.append((REPAIRED, "box", f"{description}: cut at the image's border"))
        boxes.append([left - 1, upper - 1, right - left + 1, lower - upper + 1])
    if not boxes:
        raise UserError(f"no box of it is usable ({remarks[0][2]})")
    return Truth({}, tuple(remarks), {"splice": boxes})
