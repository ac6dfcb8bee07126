"""Asks the witnesses of :mod:`constrained_rcnn.evidence` about images whose history is known, and keeps what they said,
so that a long run can be stopped and goes on."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from ..data.techniques import TECHNIQUES
from ..evidence.examination import ask
from ..evidence.exhibit import Exhibit
from ..evidence.finding import Level
from ..evidence.registry import WITNESSES
from ..images.reading import read_image, read_mask
from ..utils.journal import Journal
from .evidence_files import authentic_files, generated_forgery, made_forgeries

#: Witnesses of what a file says about itself: test images had that removed, so that a rate would flatter them.
NOT_MEASURED = ("provenance", "metadata")
#: Share of the marked area that must be manipulated for a finding to count as overlapping the truth.
OVERLAP = 1 / 3
#: Of a journal: what its records look like.
FINGERPRINT = "evidence 1"


@dataclass(frozen=True)
class Seen:
    """What one witness saw on one file.

    Attributes:
        witness: its name.
        kind: a processing class of untouched images, or a kind of forgeries.
        strength: its number, where it has one and could say something; None otherwise.
        level: its word by the thresholds of the package.
        overlaps: on a forgery, at least ``OVERLAP`` of what it marks is manipulated; None where it marks nothing.
    """

    witness: str
    kind: str
    strength: float | None
    level: Level
    overlaps: bool | None = None


@dataclass
class Measured:
    """
    Attributes:
        seen: what the witnesses saw.
        classes: (processing class, those that it was taken for) of each untouched file.
    """

    seen: list[Seen] = field(default_factory=list)
    classes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """One file to be examined: its kind, whether it is untouched, its content, of a forgery the (H, W) bool truth."""

    kind: str
    authentic: bool
    data: bytes
    truth: np.ndarray | None = None


def examine_images(
    items: Iterable[Mapping[str, Any]],
    witnesses: Sequence[str],
    *,
    forge: int = 0,
    journal: Journal | None = None,
) -> Measured:
    """Asks witnesses about images.

    Args:
        items: dataset dicts with ``file_name`` and ``authentic``; of untouched ones ``camera`` (as a camera saved it)
            where it is so; of forgeries ``mask_file_name``, and ``kind``, what they are called. Of an untouched image
            files of every processing class are made; forgeries are examined as they are.
        witnesses: names.
        forge: of so many untouched images, the first ones, forgeries are made and examined as well.
        journal: what was examined already, of images with the same content by witnesses of the same code.

    Raises:
        UserError: an image cannot be read.
    """
    measured = Measured()
    for item in _with_forged(items, forge):
        key = _key(item)
        record = (journal.get(key) if journal is not None else None) or {}
        missing = [name for name in witnesses if _coded(name) not in record]
        if missing or "classes" not in record:
            record = {**record, **_examine(_files(item), missing)}
            if journal is not None:
                journal.add(key, record)
        measured.classes += [(kind, tuple(candidates)) for kind, candidates in record["classes"]]
        for name in witnesses:
            for kind, strength, level, overlaps in record[_coded(name)]:
                measured.seen.append(Seen(name, kind, strength, Level(level), overlaps))
    return measured


def _with_forged(items: Iterable[Mapping[str, Any]], forge: int) -> Iterator[Mapping[str, Any]]:
    """The images, and after each of the first untouched ones the same with ``donor``: what forgeries are made with."""
    before = None
    for item in items:
        yield item
        if item["authentic"]:
            if forge > 0:
                forge -= 1
                yield {**item, "donor": (before or item)["file_name"]}
            before = item


def _key(item: Mapping[str, Any]) -> str:
    with open(item["file_name"], "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:24]
    if "donor" in item:
        return f"{digest} forged with {_name(item['donor'])}"
    if item["authentic"]:
        return f"{digest} {'camera' if item.get('camera') else 'published'}"
    return f"{digest} {item.get('kind')} {_name(item.get('mask_file_name'))}"


def _name(path: Any) -> str:
    return str(path).rpartition("/")[2]


@functools.cache
def _coded(witness: str) -> str:
    """A witness's name with a digest of its module: one that was changed is asked again."""
    code = inspect.getsource(inspect.getmodule(WITNESSES[witness].observe))
    return f"{witness} {hashlib.sha256(code.encode()).hexdigest()[:12]}"


def _files(item: Mapping[str, Any]) -> Iterator[_File]:
    path = item["file_name"]
    if not item["authentic"]:
        truth = read_mask(item["mask_file_name"]) if item.get("mask_file_name") else None
        with open(path, "rb") as file:
            yield _File(item.get("kind", "forged"), False, file.read(), truth)
        return
    seed = int.from_bytes(hashlib.sha256(_name(path).encode()).digest()[:4], "big")
    if "donor" not in item:
        for kind, data in authentic_files(path, camera=bool(item.get("camera")), seed=seed):
            yield _File(kind, True, data)
        return
    pixels, donor = read_image(path), read_image(item["donor"])
    for kind, data, truth in made_forgeries(pixels):
        yield _File(kind, False, data, truth)
    for technique in TECHNIQUES:
        made = generated_forgery(pixels, donor, technique, seed)
        if made is not None:
            yield _File(made[0], False, *made[1:])


def _examine(files: Iterable[_File], witnesses: Sequence[str]) -> dict[str, Any]:
    """By witness what it saw on each of the files, and what classes these were taken for; JSON values."""
    record: dict[str, Any] = {"classes": [], **{_coded(name): [] for name in witnesses}}
    for file in files:
        exhibit = Exhibit.read(file.data)
        if file.authentic:
            record["classes"].append([file.kind, list(exhibit.file_class.candidates)])
        for name in witnesses:
            finding = ask(WITNESSES[name], exhibit, unheard=False)
            strength = finding.facts.get("strength")
            overlaps = None if file.truth is None or finding.map is None else _overlaps(finding.map, file.truth)
            record[_coded(name)].append([file.kind, strength, finding.level.value, overlaps])
    return record


def _overlaps(shown: np.ndarray, truth: np.ndarray) -> bool | None:
    """Whether the most suspicious part of a map lies on what was manipulated; None where the map is empty."""
    height, width = truth.shape
    grown = cv2.resize(shown.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    marked = grown >= max(0.8 * float(grown.max()), 1e-3)
    return bool(truth[marked].mean() >= OVERLAP) if marked.any() else None
