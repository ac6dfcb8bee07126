"""What a source of images hands to the preparation; one module per source beside this one.

A source looks at a folder tree and lists ``Sample``s. Which pixels of a sample are manipulated is said by its
``truth``, called once its image has been decoded; everything after that (instances, masks, splits, report) is
the same for every source and lies in ``constrained_rcnn.preparation.prepare``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...images.reading import Header
from ...utils.errors import UserError
from ..findings import NOTED, REPAIRED, Finding
from ..mask_options import USUAL, MaskOptions
from ..mask_pixels import Marked, read_marked
from ..mask_repair import fit_mask

#: What a mask's stem may have after its image's; a number where an image has several.
MASK_ENDING = re.compile(r"_(?:gt|mask)(?:_?\d{1,3})?$", re.IGNORECASE)
#: A mask that marks more than this share of its image is noted.
MOSTLY = 0.5


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
        remarks: (action, kind, message) of what had to be repaired or is worth a note; see ``findings``.
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
        sources: ids of the images it was made of; images that share one never straddle a split.
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

    A mask with more than a few values between black and white, of another size than the image, empty, full or mostly
    manipulated is repaired, refused or noted, as ``datasets/README.md`` says.

    Attributes:
        path: the mask.
        technique: name under which the mask's regions are filed.
        options: what the user says of the set's masks.
        evidence: see ``mask_repair.fit_mask``; called with the probe only if the mask is turned.
        empty_is_authentic: a mask that is black all over means that the image is authentic, else it is an error.
        dark: manipulated where the mask is dark, grey <= 127, instead (NIST16).
        more: other masks of the same image; all are joined.
    """

    path: Path
    technique: str
    options: MaskOptions = USUAL
    evidence: Callable[[Probe], np.ndarray | None] | None = None
    empty_is_authentic: bool = False
    dark: bool = False
    more: tuple[Path, ...] = ()

    def __call__(self, probe: Probe) -> Truth:
        files = (self.path, *self.more)
        all_marks = [read_marked(path, self.options, dark=self.dark) for path in files]
        remarks = [remark for marks in all_marks for remark in marks.remarks]
        for path, marks in zip(files, all_marks):
            if marks.mask.all() and not marks.pixels.uniform and not self.options.values:
                raise UserError(f"{path}: no mask, everything is {marks.rule}; {marks.pixels.hint()}")
        if not any(marks.mask.any() for marks in all_marks):
            return self._empty(all_marks, remarks)
        masks = [self._fitted(path, marks.mask, probe, remarks) for path, marks in zip(files, all_marks)]
        mask = masks[0] if len(masks) == 1 else np.logical_or.reduce(masks)
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            remarks.append((NOTED, "masks joined", f"{names}: {mask.sum()} pixels in one of them or in several"))
        if not mask.any():  # scaled down, a mask may lose what it marks
            return self._empty(all_marks, remarks)
        return Truth({self.technique: mask}, (*remarks, *amount_remarks(self.path, mask)))

    def _empty(self, all_marks: Sequence[Marked], remarks: Sequence[tuple[str, str, str]]) -> Truth:
        # Several values, and the usual rule finds none: the mask is not empty, it speaks another language.
        empty = self.options.values or all(marks.pixels.uniform and marks.pixels.alpha is None for marks in all_marks)
        if self.empty_is_authentic and empty:
            return Truth({}, tuple(remarks))
        raise UserError(f"{self.path}: empty mask, nothing is {all_marks[0].rule}; {all_marks[0].pixels.hint()}")

    def _fitted(self, path: Path, mask: np.ndarray, probe: Probe, remarks: list[tuple[str, str, str]]) -> np.ndarray:
        header = probe.header
        turned = (mask.shape[0] > mask.shape[1]) != (header.height > header.width)
        evidence = self.evidence(probe) if turned and self.evidence else None
        try:
            mask, repair = fit_mask(
                mask, header.size, orientation=header.orientation, evidence=evidence, tolerance=self.options.fit
            )
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        if repair:
            remarks.append((REPAIRED, "mask size", f"{path.name}: {repair}"))
        return mask


def amount_remarks(path: Path, mask: np.ndarray) -> tuple[tuple[str, str, str], ...]:
    """A remark where all or most of an image is marked: the mask may have been inverted by someone."""
    if mask.all():
        return ((NOTED, "full mask", f"{path.name}: every pixel is manipulated"),)
    if mask.mean() > MOSTLY:
        message = f"{path.name}: {mask.mean():.0%} is manipulated; is the mask inverted? Then give --invert"
        return ((NOTED, "mostly manipulated", message),)
    return ()


def without_ending(stem: str, endings: re.Pattern = MASK_ENDING) -> str:
    """``a`` of ``a_gt``, ``a_MASK``, ``a_mask_2``: a mask's stem without what it has after its image's.

    Args:
        stem: name without suffix, or a path without suffix.
        endings: what may follow, in upper or lower case.
    """
    return endings.sub("", stem)


def child(folder: Path, name: str) -> Path | None:
    """The sub-folder of that name, in upper or lower case; None where there is none.

    Raises:
        UserError: ``folder`` itself is not there.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the right one with --root")
    return next((path for path in sorted(folder.iterdir()) if path.is_dir() and path.name.lower() == name), None)
