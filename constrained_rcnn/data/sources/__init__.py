"""What a source of images hands to the preparation; one module per source beside this one.

A source looks at a folder tree and lists ``Sample``s. Which pixels of a sample are manipulated is said by its
``truth``, called once its image has been decoded; everything after that (instances, masks, splits, report) is
the same for every source and lies in ``constrained_rcnn.data.preparation``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from constrained_rcnn.data.findings import NOTED, REPAIRED, Finding
from constrained_rcnn.data.image_io import Header, read_grey
from constrained_rcnn.data.mask_repair import fit_mask
from constrained_rcnn.errors import UserError


@dataclass(frozen=True)
class Probe:
    """A decoded image: its path, header, and ``pixels`` (H, W, 3) uint8 BGR, upright."""

    path: Path
    header: Header
    pixels: np.ndarray


@dataclass(frozen=True)
class Truth:
    """Ground truth of one image.

    Attributes:
        masks: technique -> (H, W) bool, True = manipulated, of the upright image's size.
        remarks: (action, kind, message) of what had to be mended or is worth a note; see ``findings``.
        boxes: technique -> boxes [x, y, width, height] in pixels, of a source that has no masks (``masks`` is
            then empty): each becomes an instance without segmentation, and the image has no complete mask.
    """

    masks: Mapping[str, np.ndarray]
    remarks: tuple[tuple[str, str, str], ...] = ()
    boxes: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One image of a source.

    Attributes:
        image: path of the image.
        truth: gives the ground truth of the decoded image, or raises UserError (the image is then skipped and
            listed); None for an authentic image.
        sources: ids of the pictures it was made of; images that share one never straddle a split.
        stratum: whose proportion a split keeps; None: the technique.
    """

    image: Path
    truth: Callable[[Probe], Truth] | None
    sources: tuple[str, ...] = ()
    stratum: str | None = None


@dataclass(frozen=True)
class Scan:
    """What a source found: its samples, and findings about files that became none (or are worth a note)."""

    samples: list[Sample]
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class MaskFile:
    """The usual ``truth``: a mask file, manipulated where grey > 127, of one technique.

    A mask with more than a few values between black and white, of another size than the image, empty or full
    is mended, refused or noted, as ``datasets/README.md`` says.

    Attributes:
        path: the mask.
        technique: name under which the mask's regions are filed.
        evidence: see ``mask_repair.fit_mask``; called with the probe only if the mask is turned.
        empty_is_authentic: an empty mask means that the image is authentic, else it is an error.
        dark: manipulated where the mask is dark, grey <= 127, instead (NIST16).
    """

    path: Path
    technique: str
    evidence: Callable[[Probe], np.ndarray | None] | None = None
    empty_is_authentic: bool = False
    dark: bool = False

    def __call__(self, probe: Probe) -> Truth:
        grey = read_grey(self.path)
        mask = grey <= 127 if self.dark else grey > 127
        remarks = []
        between = int(np.count_nonzero((grey != 0) & (grey != 255)))
        if between:
            remarks.append(
                (
                    NOTED,
                    "mask not binary",
                    f"{self.path.name}: {between} of {grey.size} pixels are neither "
                    f"0 nor 255; cut at grey {'<=' if self.dark else '>'} 127",
                )
            )
        turned = mask.shape == probe.header.size[::-1] != probe.header.size
        evidence = self.evidence(probe) if turned and self.evidence else None
        try:
            mask, done = fit_mask(
                mask, probe.header.size, orientation=probe.header.orientation, evidence=evidence
            )
        except UserError as error:
            raise UserError(f"{self.path}: {error}") from None
        if done:
            remarks.append((REPAIRED, "mask size", f"{self.path.name}: {done}"))
        if not mask.any():
            if self.empty_is_authentic:
                return Truth({}, tuple(remarks))
            side = "dark, at grey 127 or below" if self.dark else "above grey 127"
            raise UserError(f"{self.path}: empty mask, nothing is {side}")
        if mask.all():
            remarks.append((NOTED, "full mask", f"{self.path.name}: every pixel is manipulated"))
        return Truth({self.technique: mask}, tuple(remarks))


def child(folder: Path, name: str) -> Path | None:
    """The sub-folder of that name, in upper or lower case; None where there is none.

    Raises:
        UserError: ``folder`` itself is not there.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the right one with --root")
    return next(
        (path for path in sorted(folder.iterdir()) if path.is_dir() and path.name.lower() == name), None
    )
