"""CASIA TIDE v1.0 and v2.0 with the masks of Pham et al. (Symmetry 2019), as published, mistakes included."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...images.folder_listing import list_images
from ...images.reading import read_image
from ...utils.errors import UserError
from ..findings import NOTED, REPAIRED, SKIPPED, Finding
from ..mask_options import USUAL, MaskOptions
from ..mask_pixels import read_marked
from ..mask_repair import fit_mask
from . import MaskFile, Probe, Sample, Scan, Truth
from .casia_corrections import read_corrections
from .casia_names import Match, TamperedName, authentic_id, match_masks, parse_tampered
from .subtraction import changed, difference

#: Grey levels inside of a mask over those outside, in the difference to the authentic partner, that confirm a
#: mask.
CONFIRMED_RATIO = 3.0
#: An image is its partner compressed again if all but a thousandth of the pixels differ by at most so many
#: grey levels: 22 for the one such image, 31 or more for 689 forged ones (of CASIA v1's 920) that were
#: measured.
RECOMPRESSED = 25.0


@dataclass(frozen=True)
class Layout:
    """Where the parts of a CASIA tree lie.

    Attributes:
        version: 1 or 2.
        tampered, authentic: images, sorted.
        masks: ``*_gt.png`` files, sorted.
        spreadsheet: corrections of names, or None.
    """

    version: int
    tampered: list[Path]
    authentic: list[Path]
    masks: list[Path]
    spreadsheet: Path | None

    @property
    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        return [*self.tampered, *self.authentic, *self.masks, *([self.spreadsheet] if self.spreadsheet else [])]


def find_layout(root: Path, masks: Path | None = None) -> Layout:
    """Tells version 1 or 2 from the tree and lists its files.

    Args:
        root: folder with ``Au`` and ``Sp`` or ``Tp`` (upper or lower case).
        masks: folder of the ground truth; default: the folders under ``root`` with "groundtruth" in their
            name.

    Raises:
        UserError: no such tree.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; give CASIA's with --root")
    folders = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    version = 1 if "sp" in folders else 2 if "tp" in folders else None
    if version is None:
        raise UserError(f"{root}: neither a folder Sp (CASIA v1) nor Tp (CASIA v2) in it; --help shows the tree")
    if masks is not None and not masks.is_dir():
        raise UserError(f"{masks}: no such folder of masks")
    if masks is None:
        truths = [
            path
            for name, path in folders.items()
            if "groundtruth" in name.replace(" ", "").replace("_", "") or (name == "gt" and version == 2)
        ]
    else:
        truths = [masks]
    spreadsheet = _spreadsheet(truths, root)
    return Layout(
        version,
        list_images(folders["sp" if version == 1 else "tp"]),
        list_images(folders["au"]) if "au" in folders else [],
        [
            path
            for truth in truths
            for path in list_images(truth, known=[spreadsheet] if spreadsheet else [])
            if path.stem.lower().endswith("_gt")
        ],
        spreadsheet,
    )


def _spreadsheet(truths: Sequence[Path], root: Path) -> Path | None:
    """The corrections of names: with the masks, else in a folder of notes beside them, else beside them."""
    parents = list(dict.fromkeys([*(truth.parent for truth in truths), root]))
    notes = [
        path
        for folder in parents
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name.lower() in ("note", "notes")
    ]
    for files in (
        *(truth.rglob("*") for truth in truths),
        *(folder.rglob("*") for folder in notes),
        *(folder.iterdir() for folder in parents),
    ):
        for path in sorted(files):
            plain = re.sub(r"[^a-z]", "", path.stem.lower())
            if path.suffix.lower() == ".xlsx" and re.fullmatch(r"filenames?corrections?", plain) and path.is_file():
                return path
    return None


def scan(layout: Layout, options: MaskOptions = USUAL) -> Scan:
    """Matches masks with images; what has no match or an odd one is among the findings."""
    findings: list[Finding] = []
    partners = {id: path for path in layout.authentic if (id := authentic_id(path.stem))}
    corrections = {}
    if layout.spreadsheet:
        corrections = read_corrections(layout.spreadsheet)
    matches = match_masks(layout.tampered, layout.masks, corrections, partial(_confirmed, partners, options))
    samples = []
    for image in layout.tampered:
        file = f"{image.parent.name}/{image.name}"
        match = matches.get(image)
        name = match.name if match and match.name else parse_tampered(image.stem)
        ids = tuple(_spelled(id, partners) for id in _ids(image, match))
        candidates = tuple(partners[id] for id in ids if id in partners)
        truth: Callable[..., Truth]
        if match:
            kind = technique(match.mask, name, corrections.get(image.stem))
            truth = MaskFile(match.mask, kind, options, partial(_difference_map, candidates))
            if match.method != "exact":
                findings.append(Finding(REPAIRED, f"mask name: {match.method}", file, f"mask {match.mask.name}"))
        else:
            kind = technique(None, name, corrections.get(image.stem))
            truth = partial(_without_mask, candidates, kind)
        samples.append(Sample(image, truth, ids))
    for image in layout.authentic:
        id = authentic_id(image.stem)
        samples.append(Sample(image, None, (id,) if id else ()))
        if id is None:
            findings.append(
                Finding(
                    NOTED,
                    "file name",
                    f"{image.parent.name}/{image.name}",
                    "not like Au_ani_0001.jpg: a group of its own",
                )
            )
    used = {match.mask for match in matches.values()}
    used_names = {mask.name: mask.parent.name for mask in used}
    for mask in layout.masks:
        if mask in used:
            continue
        elsewhere = used_names.get(mask.name)
        message = f"the one of that name in {elsewhere} is used" if elsewhere else "no tampered image belongs to it"
        findings.append(Finding(SKIPPED, "mask without image", mask.name, message))
    if not layout.masks:
        findings.append(
            Finding(
                NOTED,
                "no masks",
                "groundtruth",
                "no *_gt.png found: all are made by subtraction; give the masks' folder with --masks if there is one",
            )
        )
    return Scan(samples, findings)


def technique(mask: Path | None, name: TamperedName | None, corrected: str | None = None) -> str:
    """By the mask's folder (``CM``, ``Sp``), which Pham et al. corrected; else by the letter of a name.

    Args:
        mask: path of the mask, if there is one. Version 2 keeps all masks in one folder.
        name: the mask's name, or the image's.
        corrected: stem that the spreadsheet gives to the image (in version 2 it turns 39 marked S into
            splices and 60 marked D into copy-moves).
    """
    folder = mask.parent.name.lower() if mask else ""
    if folder in ("cm", "sp"):
        return "copy-move" if folder == "cm" else "splice"
    name = (parse_tampered(corrected) if corrected else None) or name
    return "copy-move" if name and name.kind == "S" else "splice"


def _ids(image: Path, match: Match | None) -> tuple[str, ...]:
    """Source ids by the mask's name where there is one (it is the corrected one), and by the image's own.

    Both count for the groups: at worst a group is larger than it had to be, never torn.
    """
    names = [match.name if match else None, parse_tampered(image.stem)]
    return tuple(dict.fromkeys(id for name in names if name for id in (name.first, name.second)))


def _spelled(id: str, partners: Mapping[str, Path]) -> str:
    """The id as an authentic image has it where its letters are in disorder (``ant0063`` for ``nat0063``)."""
    if id in partners:
        return id
    near = [other for other in partners if other[3:] == id[3:] and sorted(other[:3]) == sorted(id[:3])]
    return near[0] if len(near) == 1 else id


def _confirmed(partners: dict[str, Path], options: MaskOptions, image: Path, mask: Path, name: TamperedName) -> bool:
    """Whether the image differs from the partner that the mask's name gives mostly inside of the mask."""
    candidates = [partners[id] for id in (name.first, name.second) if id in partners]
    try:
        pixels = read_image(image)
        inside, _ = fit_mask(read_marked(mask, options).mask, pixels.shape[:2], tolerance=options.fit)
    except UserError:
        return False
    best = difference(pixels, candidates)
    if best is None or not inside.any() or inside.all():
        return False
    return bool(best.map[inside].mean() > CONFIRMED_RATIO * max(best.map[~inside].mean(), 0.5))


def _difference_map(candidates: Sequence[Path], probe: Probe) -> np.ndarray | None:
    best = difference(probe.pixels, candidates)
    return None if best is None else best.map


def _without_mask(candidates: Sequence[Path], kind: str, probe: Probe) -> Truth:
    best = difference(probe.pixels, candidates)
    if best is None:
        raise UserError("no mask belongs to it, and no image that its name gives is its background")
    if np.percentile(best.map, 99.9) <= RECOMPRESSED:
        raise UserError(f"no mask, and it is {best.partner.name} compressed again: not a forgery")
    mask = changed(probe.pixels, read_image(best.partner))
    if not mask.any():
        raise UserError(f"no mask belongs to it, and nothing stands out in its difference to {best.partner.name}")
    return Truth({kind: mask}, ((REPAIRED, "mask by subtraction", f"from {best.partner.name}"),))
