"""Columbia uncompressed image splicing detection evaluation: TIFF and BMP, masks coloured by camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from constrained_rcnn.data.findings import REPAIRED, SKIPPED, Finding
from constrained_rcnn.data.folder_listing import list_images
from constrained_rcnn.data.image_io import read_image
from constrained_rcnn.data.mask_repair import fit_mask
from constrained_rcnn.data.sources import Probe, Sample, Scan, Truth, child
from constrained_rcnn.errors import UserError

TREE = """\
  <root>/4cam_auth/<camera>_<n>_sub_<nn>.tif            authentic
  <root>/4cam_splc/<camera1>_<camera2>_sub_<nn>.tif     spliced
  <root>/4cam_splc/edgemask/<name>_edgemask.jpg         red: one camera, green: the other, brighter along the edge"""

MASK_ENDING = "_edgemask"
#: Green of this level or less is JPEG ringing on black, not a region.
DARKEST_GREEN = 32
#: Side in pixels of the median that takes away single pixels of the wrong colour, JPEG's work.
SMOOTHING = 5


@dataclass(frozen=True)
class Layout:
    """Pictures of a Columbia tree, each list sorted."""

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
        [path for path in list_images(spliced) if not path.stem.lower().endswith(MASK_ENDING)],
        [path for path in list_images(authentic) if not path.stem.lower().endswith(MASK_ENDING)]
        if authentic
        else [],
        [path for path in list_images(edges) if path.stem.lower().endswith(MASK_ENDING)] if edges else [],
    )


def scan(layout: Layout) -> Scan:
    """Pairs spliced pictures with their edge masks by name."""
    masks = {path.stem.lower().removesuffix(MASK_ENDING): path for path in layout.masks}
    samples, findings = [], []
    for image in layout.spliced:
        mask = masks.pop(image.stem.lower(), None)
        if mask is None:
            file = f"{image.parent.name}/{image.name}"
            findings.append(Finding(SKIPPED, "no mask", file, f"no edgemask/{image.stem}{MASK_ENDING}.jpg"))
        else:
            samples.append(Sample(image, partial(_truth, mask)))
    samples += [Sample(image, None) for image in layout.authentic]
    findings += [
        Finding(SKIPPED, "mask without image", mask.name, "no spliced picture of that name")
        for mask in masks.values()
    ]
    return Scan(samples, findings)


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


def _truth(path: Path, probe: Probe) -> Truth:
    mask, remarks = green_regions(read_image(path)), []
    try:
        mask, done = fit_mask(mask, probe.header.size, orientation=probe.header.orientation)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if done:
        remarks.append((REPAIRED, "mask size", f"{path.name}: {done}"))
    if not mask.any():
        raise UserError(f"{path}: no green region, nothing is marked as spliced")
    if mask.all():
        raise UserError(f"{path}: all is green; one of two cameras must be red")
    return Truth({"splice": mask}, tuple(remarks))
