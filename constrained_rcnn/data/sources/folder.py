"""Any folder of images with masks beside them or in a folder of their own."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from constrained_rcnn.data.findings import NOTED, SKIPPED, Finding
from constrained_rcnn.data.folder_listing import list_images
from constrained_rcnn.data.sources import MaskFile, Sample, Scan
from constrained_rcnn.data.techniques import AUTHENTIC, TAMPERED, TECHNIQUES
from constrained_rcnn.errors import UserError

#: What a mask's stem may have after its image's.
MASK_ENDINGS = ("", "_gt", "_mask")
#: Other words for the techniques in a labels file.
WORDS = {
    "splicing": "splice",
    "spliced": "splice",
    "copymove": "copy-move",
    "copy_move": "copy-move",
    "copy move": "copy-move",
    "inpainting": "removal",
    "removed": "removal",
    "real": AUTHENTIC,
    "original": AUTHENTIC,
    "forged": TAMPERED,
}
TREE = """\
  <images>/**/a.jpg              images
  <masks>/**/a.png, a_gt.png or a_mask.png   8-bit, manipulated where grey > 127, of the image's size
                                 (without --masks: a_gt.png or a_mask.png beside the image)
  <authentic>/**/b.jpg           authentic images, no mask needed
  labels.csv                     image,technique[,group] with image relative to <images>; technique one of
                                 splice, copy-move, removal, tampered, authentic"""


@dataclass(frozen=True)
class Label:
    """One row of a labels file: the technique, and the group (source picture) if it is given."""

    technique: str
    group: str | None


@dataclass(frozen=True)
class Folders:
    """Where the parts of the set lie, and what is said about them.

    Attributes:
        images: folder of images, forged or labelled authentic.
        masks: folder of masks; None: beside the images.
        authentic: folder of authentic images, or None.
        labels: labels file, or None.
        empty_is_authentic: an image whose mask is empty is authentic, instead of skipped.
    """

    images: Path
    masks: Path | None = None
    authentic: Path | None = None
    labels: Path | None = None
    empty_is_authentic: bool = False

    def __post_init__(self) -> None:
        for what, path in (
            ("images", self.images),
            ("masks", self.masks),
            ("authentic images", self.authentic),
        ):
            if path is not None and not path.is_dir():
                raise UserError(f"{path}: no such folder of {what}")

    @property
    def image_root(self) -> Path:
        """The folder that all images lie under; names in the prepared set are relative to it."""
        folders = [self.images, *([self.authentic] if self.authentic else [])]
        return Path(os.path.commonpath([folder.resolve() for folder in folders]))

    def list_files(self) -> tuple[list[Path], list[Path], list[Path]]:
        """(images, masks, authentic images), each sorted, absolute."""
        images, masks, authentic = (
            path and path.resolve() for path in (self.images, self.masks, self.authentic)
        )
        inner = [path for path in (masks, authentic) if path and path != images]
        listed = list_images(images, exclude=inner)
        genuine = list_images(authentic) if authentic else []
        if authentic == images:
            listed = []
        if masks is not None and masks != images:
            return listed, list_images(masks), genuine
        stems = {path.with_suffix("").as_posix() for path in listed}
        beside = [path for path in listed if _is_mask_beside(path, stems)]
        return [path for path in listed if path not in set(beside)], beside, genuine

    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        return [path for files in self.list_files() for path in files] + (
            [self.labels] if self.labels else []
        )


def scan(folders: Folders) -> Scan:
    """Pairs images with masks and labels; lists what has no mask and is not said to be authentic."""
    images, masks, authentic = folders.list_files()
    labels = read_labels(folders.labels) if folders.labels else {}
    base = folders.images.resolve()
    findings: list[Finding] = []
    by_stem = defaultdict(list)
    mask_base = (folders.masks or folders.images).resolve()
    for mask in masks:
        by_stem[mask.relative_to(mask_base).with_suffix("").as_posix()].append(mask)

    paired, used = {}, set()
    for image in images:
        name = image.relative_to(base).as_posix()
        label = labels.get(name) or labels.get(Path(name).with_suffix("").as_posix())
        found = _masks_of(Path(name).with_suffix(""), by_stem)
        used.update(found)
        if label and label.technique == AUTHENTIC:
            paired[image] = (None, label)
        elif len(found) == 1:
            paired[image] = (found[0], label)
        elif found:
            names = ", ".join(mask.name for mask in found)
            findings.append(Finding(SKIPPED, "several masks", name, f"{names}: keep one"))
        else:
            findings.append(Finding(SKIPPED, "no mask", name, "neither a mask nor said to be authentic"))
    findings += [
        Finding(SKIPPED, "mask without image", mask.name, "no image of that stem")
        for mask in masks
        if mask not in used
    ]
    known = {image.relative_to(base).as_posix() for image in images}
    stems = {Path(name).with_suffix("").as_posix() for name in known}
    findings += [
        Finding(NOTED, "label without image", name, "in the labels file only")
        for name in sorted(labels)
        if name not in known and name not in stems
    ]

    unlabelled = [
        image
        for image, (mask, label) in paired.items()
        if mask and (not label or label.technique == TAMPERED)
    ]
    if unlabelled and labels:
        findings.append(
            Finding(
                NOTED,
                "techniques",
                folders.labels.name,
                f"{len(unlabelled)} forged images have no "
                "technique: all are filed as the one class `tampered`",
            )
        )
    samples = []
    for image, (mask, label) in paired.items():
        technique = TAMPERED if unlabelled else label.technique if label else TAMPERED
        truth = MaskFile(mask, technique, empty_is_authentic=folders.empty_is_authentic) if mask else None
        samples.append(Sample(image, truth, (label.group,) if label and label.group else ()))
    samples += [Sample(image, None) for image in authentic]
    return Scan(samples, findings)


def read_labels(path: Path) -> dict[str, Label]:
    """Reads ``image,technique[,group]``: image name (posix, relative to the images) -> label.

    Raises:
        UserError: no such file, no such columns, an unknown technique, an image listed twice.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: labels cannot be read ({error})") from None
    labels: dict[str, Label] = {}
    for number, row in enumerate(rows, start=2):
        row = {
            (key or "").strip().lower(): (value or "").strip()
            for key, value in row.items()
            if isinstance(value, str)
        }
        if not row.get("image") or "technique" not in row:
            raise UserError(f"{path}: line {number}: columns `image` and `technique` are needed")
        technique = WORDS.get(row["technique"].lower(), row["technique"].lower()) or TAMPERED
        if technique not in (*TECHNIQUES, TAMPERED, AUTHENTIC):
            raise UserError(
                f"{path}: line {number}: unknown technique {row['technique']!r}; one of "
                f"{', '.join((*TECHNIQUES, TAMPERED, AUTHENTIC))}"
            )
        name = Path(row["image"].replace("\\", "/")).as_posix()
        if name in labels:
            raise UserError(f"{path}: line {number}: {name} is listed twice")
        labels[name] = Label(technique, row.get("group") or None)
    return labels


def _is_mask_beside(path: Path, stems: set[str]) -> bool:
    stem = path.with_suffix("").as_posix()
    return any(
        ending and stem.endswith(ending) and stem.removesuffix(ending) in stems for ending in MASK_ENDINGS
    )


def _masks_of(stem: Path, by_stem: Mapping[str, list[Path]]) -> list[Path]:
    """Masks of an image: at the same place in the tree of masks, or else directly in their folder."""
    for place in dict.fromkeys((stem.as_posix(), stem.name)):
        found = [mask for ending in MASK_ENDINGS for mask in by_stem.get(place + ending, [])]
        if found:
            return found
    return []
