"""COVERAGE: 100 pairs of an original and its copy-move forgery, each with a kind of tampering."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...images.folder_listing import list_images
from ...utils.dependencies import MissingDependency
from ...utils.errors import UserError
from ..findings import NOTED, SKIPPED, Finding
from ..mask_options import USUAL, MaskOptions
from . import MaskFile, Sample, Scan, child
from .matlab import read_matrix

#: Tampering factors, 1 to 6, as TFlabel numbers them.
FACTORS = ("none", "scaling", "rotation", "freeform", "illumination", "combination")


@dataclass(frozen=True)
class Layout:
    """Files of a COVERAGE tree: number -> path; the labels file or None; files whose number another one has, too."""

    originals: dict[int, Path]
    tampered: dict[int, Path]
    masks: dict[int, Path]
    labels: Path | None
    twice: tuple[Path, ...] = ()

    @property
    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        files = [*self.originals.values(), *self.tampered.values(), *self.masks.values()]
        return files + ([self.labels] if self.labels else [])


def find_layout(root: Path) -> Layout:
    """Lists the tree's files. Raises UserError where it is none."""
    images, masks, labels = (child(root, name) for name in ("image", "mask", "label"))
    if images is None or masks is None:
        raise UserError(f"{root}: no folders image and mask in it; --help shows the tree")
    label = labels / "TFlabel.mat" if labels else None
    duplicates: list[Path] = []
    originals, tampered = _numbered(images, "", duplicates), _numbered(images, "t", duplicates)
    forged = _numbered(masks, "forged", duplicates)
    return Layout(originals, tampered, forged, label if label and label.is_file() else None, tuple(duplicates))


def scan(layout: Layout, options: MaskOptions = USUAL) -> Scan:
    """Pairs forgeries with masks; original and forgery are one group, stratified by the tampering factor."""
    factors, findings = _factors(layout)
    findings += [
        Finding(SKIPPED, "number twice", f"{path.parent.name}/{path.name}", "another file has its number; keep one")
        for path in layout.twice
    ]
    samples = []
    for number in sorted(layout.originals.keys() | layout.tampered.keys()):
        pair, stratum = (f"pair{number:03}",), factors.get(number)
        original, tampered = layout.originals.get(number), layout.tampered.get(number)
        if original:
            samples.append(Sample(original, None, pair))
        if not tampered:
            continue
        if number in layout.masks:
            samples.append(Sample(tampered, MaskFile(layout.masks[number], "copy-move", options), pair, stratum))
        else:
            findings.append(Finding(SKIPPED, "no mask", f"image/{tampered.name}", f"no mask/{number}forged.tif"))
    for number in sorted(layout.masks.keys() - layout.tampered.keys()):
        findings.append(Finding(SKIPPED, "mask without image", layout.masks[number].name, f"no image/{number}t.tif"))
    return Scan(samples, findings)


def _numbered(folder: Path, ending: str, duplicates: list[Path]) -> dict[int, Path]:
    """Number -> image, of those called ``<number><ending>.<suffix>``; ``duplicates`` gets those with a taken number."""
    files: dict[int, Path] = {}
    for path in list_images(folder):
        match = re.fullmatch(rf"(\d+){ending}", path.stem, re.IGNORECASE)
        if match and files.setdefault(int(match[1]), path) != path:
            duplicates.append(path)
    return files


def _factors(layout: Layout) -> tuple[dict[int, str], list[Finding]]:
    """Number -> "copy-move, <factor>"; without labels, or with odd ones, none and a finding."""
    if layout.labels is None:
        message = "no label/TFlabel.mat: the split is not stratified by tampering factor"
        return {}, [Finding(NOTED, "no labels", "label/TFlabel.mat", message)]
    try:
        values = read_matrix(layout.labels, "TFlabel").ravel()
    except MissingDependency:
        raise
    except UserError as error:
        return {}, [Finding(NOTED, "no labels", "label/TFlabel.mat", f"{error}; the split is not stratified")]
    factors, findings = {}, []
    for number in sorted(layout.tampered):
        value = values[number - 1] if 0 < number <= len(values) else None
        if value is not None and value in range(1, len(FACTORS) + 1):
            factors[number] = f"copy-move, {FACTORS[int(value) - 1]}"
        else:
            description = "no entry" if value is None else f"entry {value:g}"
            file = f"image/{layout.tampered[number].name}"
            findings.append(Finding(NOTED, "tampering factor", file, f"{description} in TFlabel; factors are 1 to 6"))
    return factors, findings
