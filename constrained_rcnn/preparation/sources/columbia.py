"""Columbia uncompressed image splicing detection evaluation: TIFF and BMP, masks coloured by camera, or plain ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ...images.folder_listing import list_images
from ...images.reading import read_image
from ...utils.errors import UserError
from ..findings import NOTED, REPAIRED, SKIPPED, Finding
from ..mask_options import USUAL, MaskOptions
from ..mask_repair import fit_mask
from . import MASK_ENDING, MaskFile, Probe, Sample, Scan, Truth, amount_remarks, child, without_ending

#: What a mask has after its image's name; plain masks of other distributions may be called as elsewhere.
ENDING = re.compile(rf"_edgemask$|{MASK_ENDING.pattern}", re.IGNORECASE)
#: A mask whose channels nowhere differ by more, in levels, is black and white: JPEG makes grey no more colourful.
GREY = 16
#: Green of this level or less is JPEG ringing on black, not a region.
DARKEST_GREEN = 32
#: Side in pixels of the median that takes away single pixels of the wrong colour, JPEG's work.
SMOOTHING = 5


@dataclass(frozen=True)
class Layout:
    """Images of a Columbia tree, each list sorted."""

    spliced: list[Path]
    authentic: list[Path]
    masks: list[Path]

    @property
    def inputs(self) -> list[Path]:
        """Every file that the prepared set depends on."""
        return [*self.spliced, *self.authentic, *self.masks]


def find_layout(root: Path) -> Layout:
    """Lists the tree's files. Raises UserError where it is none."""
    spliced, authentic = child(root, "4cam_splc"), child(root, "4cam_auth")
    if spliced is None:
        raise UserError(f"{root}: no folder 4cam_splc in it; --help shows the tree")
    edges = child(spliced, "edgemask")
    return Layout(
        [path for path in list_images(spliced, exclude=[edges] if edges else []) if not ENDING.search(path.stem)],
        [path for path in list_images(authentic) if not ENDING.search(path.stem)] if authentic else [],
        list_images(edges) if edges else [path for path in list_images(spliced) if ENDING.search(path.stem)],
    )


def scan(layout: Layout, options: MaskOptions = USUAL) -> Scan:
    """Pairs spliced images with their edge masks by name."""
    masks = {without_ending(path.stem, ENDING).lower(): path for path in layout.masks}
    samples, findings = [], []
    for image in layout.spliced:
        mask = masks.pop(image.stem.lower(), None)
        if mask is None:
            file = f"{image.parent.name}/{image.name}"
            findings.append(Finding(SKIPPED, "no mask", file, f"no edgemask/{image.stem}_edgemask.jpg"))
        else:
            samples.append(Sample(image, partial(_truth, mask, options)))
    samples += [Sample(image, None) for image in layout.authentic]
    findings += [
        Finding(SKIPPED, "mask without image", mask.name, "no spliced image of that name") for mask in masks.values()
    ]
    return Scan(samples, findings)


def is_coloured(edge_mask: np.ndarray) -> bool:
    """Whether a mask, (H, W, 3) uint8, is of colours at all, as the published ones are."""
    highest, lowest = edge_mask.max(axis=2), edge_mask.min(axis=2)
    return bool((highest - lowest).max() > GREY)


def green_regions(edge_mask: np.ndarray) -> np.ndarray:
    """The manipulated pixels of an edge mask: those where green outweighs red, bright edge or not.

    Every pixel of a mask is coloured, so "not black is forged" would be wrong. Which camera's part is called
    forged is a convention of the field: the green one.

    Args:
        edge_mask: (H, W, 3) uint8 BGR, decoded JPEG.

    Returns:
        (H, W) bool.
    """
    smooth = cv2.medianBlur(edge_mask, SMOOTHING)
    green, red = smooth[:, :, 1], smooth[:, :, 2]
    return (green > red) & (green > DARKEST_GREEN)


def _truth(path: Path, options: MaskOptions, probe: Probe) -> Truth:
    edge_mask, remarks = read_image(path), []
    if options.values or not is_coloured(edge_mask):
        truth = MaskFile(path, "splice", options)(probe)
        message = f"{path.name}: not red and green but black and white; white is taken for spliced"
        return truth if options.values else Truth(truth.masks, ((NOTED, "plain mask", message), *truth.remarks))
    mask = green_regions(edge_mask) ^ options.invert
    header = probe.header
    try:
        mask, repair = fit_mask(mask, header.size, orientation=header.orientation, tolerance=options.fit)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if repair:
        remarks.append((REPAIRED, "mask size", f"{path.name}: {repair}"))
    if not mask.any() or mask.all():
        colour = "green" if mask.all() ^ options.invert else "red"
        raise UserError(f"{path}: all is {colour}; one of two cameras must be red, the other, which is spliced, green")
    return Truth({"splice": mask}, (*remarks, *amount_remarks(path, mask)))
