"""Any folder of images with masks beside them or in a folder of their own."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...data.techniques import AUTHENTIC, TAMPERED, TECHNIQUES
from ...images.folder_listing import list_images
from ...utils.errors import UserError
from ..findings import NOTED, SKIPPED, Finding
from ..mask_options import USUAL, MaskOptions
from ..published import UNION
from . import MaskFile, Sample, Scan
from .folder_pairs import Pairs, is_mask_beside, originals, pair_masks

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


@dataclass(frozen=True)
class Label:
    """One row of a labels file: the technique, and the group (source image) if it is given."""

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
        empty_is_authentic: an image whose mask is black all over is authentic, instead of skipped.
        union: several masks of one image are joined, instead of skipped.
    """

    images: Path
    masks: Path | None = None
    authentic: Path | None = None
    labels: Path | None = None
    empty_is_authentic: bool = False
    union: bool = False

    def __post_init__(self) -> None:
        for content, path in (("images", self.images), ("masks", self.masks), ("authentic images", self.authentic)):
            if path is not None and not path.is_dir():
                raise UserError(f"{path}: no such folder of {content}")

    @property
    def image_root(self) -> Path:
        """The folder that all images lie under; names in the prepared set are relative to it."""
        folders = [self.images, *([self.authentic] if self.authentic else [])]
        return Path(os.path.commonpath([folder.resolve() for folder in folders]))

    def list_files(self) -> tuple[list[Path], list[Path], list[Path]]:
        """(images, masks, authentic images), each sorted, absolute."""
        images = self.images.resolve()
        masks, authentic = (path and path.resolve() for path in (self.masks, self.authentic))
        inner = [path for path in (masks, authentic) if path and path != images]
        listed_images = list_images(images, exclude=inner)
        genuine = list_images(authentic) if authentic else []
        if authentic == images:
            listed_images = []
        if masks is not None and masks != images:
            return listed_images, list_images(masks), genuine
        stems = {path.with_suffix("").as_posix() for path in listed_images}
        masks_beside = [path for path in listed_images if is_mask_beside(path.as_posix(), stems)]
        return [path for path in listed_images if path not in set(masks_beside)], masks_beside, genuine

    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        return [path for files in self.list_files() for path in files] + ([self.labels] if self.labels else [])


def scan(folders: Folders, options: MaskOptions = USUAL) -> Scan:
    """Pairs images with masks and labels; lists what has no mask and is not said to be authentic."""
    images, masks, authentic = folders.list_files()
    labels = read_labels(folders.labels) if folders.labels else {}
    base, mask_base = folders.images.resolve(), (folders.masks or folders.images).resolve()
    named = {image.relative_to(base).as_posix(): image for image in images}
    label_of = {name: labels.get(name) or labels.get(Path(name).with_suffix("").as_posix()) for name in named}
    genuine = {name: None for name, label in label_of.items() if label and label.technique == AUTHENTIC}
    pairs = pair_masks(
        [name for name in named if name not in genuine],
        {mask.relative_to(mask_base).as_posix(): mask for mask in masks},
    )
    findings = _mask_findings(pairs)

    forged, without = {}, []
    for name in named:
        image_masks = pairs.masks.get(name, [])
        if name in genuine:
            continue
        if len(image_masks) == 1 or (image_masks and folders.union):
            forged[name] = image_masks
        elif image_masks:
            message = f"{', '.join(mask.name for mask in image_masks)}: keep one, or join them with --masks {UNION}"
            findings.append(Finding(SKIPPED, "several masks", name, message))
        elif name in pairs.torn:
            mask, others = pairs.torn[name]
            message = (
                f"{mask.name} would have to serve {' and '.join(others)}; give each a mask of its own, "
                f"{Path(name).with_suffix('').as_posix()}{mask.suffix} in the masks' folder"
            )
            findings.append(Finding(SKIPPED, "one mask for several images", name, message))
        else:
            without.append(name)
    made_of = originals(without, list(forged))
    for name in without:
        if name in made_of:
            message = f"authentic by its name, beside forgeries ({len(made_of[name])} of them are made of it)"
            findings.append(Finding(NOTED, "original", name, message))
        else:
            findings.append(Finding(SKIPPED, "no mask", name, "neither a mask nor said to be authentic"))
    findings += _label_findings(labels, named)

    techniques = {name: label.technique if (label := label_of[name]) else TAMPERED for name in forged}
    unlabelled = [name for name, technique in techniques.items() if technique == TAMPERED]
    if unlabelled and labels and folders.labels:
        message = f"{len(unlabelled)} forged images have no technique: all are filed as the one class `tampered`"
        findings.append(Finding(NOTED, "techniques", folders.labels.name, message))
    sources = {name: [label.group] if label and label.group else [] for name, label in label_of.items()}
    for original, forgeries in made_of.items():
        for name in (original, *forgeries):
            sources[name].append(original)
    samples = []
    for name, (mask, *other_masks) in forged.items():
        technique = TAMPERED if unlabelled else techniques[name]
        truth = MaskFile(
            mask, technique, options, empty_is_authentic=folders.empty_is_authentic, more=tuple(other_masks)
        )
        samples.append(Sample(named[name], truth, tuple(sources[name])))
    samples += [Sample(named[name], None, tuple(sources[name])) for name in (*genuine, *made_of)]
    samples += [Sample(image, None) for image in authentic]
    return Scan(samples, findings)


def _mask_findings(pairs: Pairs) -> list[Finding]:
    return [
        Finding(SKIPPED, "mask without image", mask.name, "no image of that stem needs it") for mask in pairs.unused
    ] + [
        Finding(NOTED, "mask shared", mask.name, f"{' and '.join(names)} both have it: one folder, one stem")
        for mask, names in pairs.shared.items()
    ]


def _label_findings(labels: Mapping[str, Label], names: Mapping[str, Path]) -> list[Finding]:
    known_names = {*names, *(Path(name).with_suffix("").as_posix() for name in names)}
    return [
        Finding(NOTED, "label without image", name, "in the labels file only")
        for name in sorted(labels)
        if name not in known_names
    ]


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
            (key or "").strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(value, str)
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
