"""How often each witness of :mod:`constrained_rcnn.evidence` says each word of its scale, on images nobody manipulated
by what happened to the file, and on forgeries; and the thresholds that keep strong findings rare."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ..evidence.examination import ask
from ..evidence.exhibit import Exhibit
from ..evidence.finding import Level
from ..evidence.rates import ALLOWED, rates_file
from ..evidence.registry import WITNESSES
from ..images.reading import read_image, read_mask

#: Witnesses of what a file says about itself: test images had that removed, so that a rate would flatter them.
NOT_MEASURED = ("provenance", "metadata")
#: Share of the marked area that must be manipulated for a finding to count as overlapping the truth.
OVERLAP = 1 / 3
#: "Strong" begins this much above the number that its share reaches: the largest of few images is a low guess.
_MARGIN = 1.2
#: Least thresholds that are chosen whatever the images say: block_grid's are bounds on false alarms.
_LEAST = {"block_grid": {Level.WEAK: 0.5, Level.MODERATE: 1.0, Level.STRONG: 2.0}}


def _jpeg(pixels: np.ndarray, quality: int, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, ::-1]).save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def _scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    size = tuple(max(1, round(side * factor)) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def _social(pixels: np.ndarray) -> bytes:
    return _jpeg(_scaled(pixels, min(1.0, 1080 / max(pixels.shape[:2]))), 75)


def _screenshot(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_scaled(pixels, 0.85)[:, :, ::-1]).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


#: Processing class -> what makes a file of it out of (H, W, 3) uint8 BGR pixels; None: the file as it is.
CLASSES: Mapping[str, Callable[[np.ndarray], bytes] | None] = {
    "as they are": None,
    "saved once more": lambda pixels: _jpeg(pixels, 88),
    "social media": _social,
    "resized": lambda pixels: _jpeg(_scaled(pixels, 0.8), 92),
    "screenshot": _screenshot,
}


def made_forgeries(pixels: np.ndarray) -> Iterator[tuple[str, bytes, np.ndarray]]:
    """Forgeries whose history is known: the middle ninth of an image is replaced.

    Args:
        pixels: (H, W, 3) uint8 BGR.

    Yields:
        (kind, file, (H, W) bool truth); all are saved as JPEG of quality 95 without halved chroma.
    """
    height, width = (side // 24 * 8 for side in pixels.shape[:2])
    here = slice(height, 2 * height), slice(width, 2 * width)
    shifted = slice(height + 3, 2 * height + 3), slice(width + 5, 2 * width + 5)
    truth = np.zeros(pixels.shape[:2], bool)
    truth[here] = True
    whole = read_image(_jpeg(pixels, 90, subsampling=0))
    noise = np.random.default_rng(0).normal(0, 6, pixels.shape)
    parts = {
        "part on another grid": read_image(_jpeg(pixels, 70, subsampling=0))[shifted],
        "part of quality 60": read_image(_jpeg(pixels, 60, subsampling=0))[here],
        "part with more noise": np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)[here],
    }
    for kind, part in parts.items():
        made = whole.copy()
        made[here] = part
        yield kind, _jpeg(made, 95, subsampling=0), truth


@dataclass(frozen=True)
class Seen:
    """What one witness saw on one file.

    Attributes:
        witness: its name.
        kind: a key of ``CLASSES``, "forged", or a kind of :func:`made_forgeries`.
        strength: its number, where it has thresholds and could say something; None otherwise.
        level: its word by the thresholds of the package.
        overlaps: on a forgery, at least ``OVERLAP`` of what it marks is manipulated; None where it marks nothing.
    """

    witness: str
    kind: str
    strength: float | None
    level: Level
    overlaps: bool | None = None


def examine_images(items: Iterable[Mapping[str, Any]], witnesses: Sequence[str], *, forge: bool = False) -> list[Seen]:
    """Asks witnesses about images.

    Args:
        items: dataset dicts with ``file_name``, ``authentic`` and, of forgeries, ``mask_file_name``. Authentic
            images are examined in every processing class, forgeries as they are.
        witnesses: names.
        forge: also examine what :func:`made_forgeries` makes of the authentic images.

    Raises:
        UserError: an image cannot be read.
    """
    seen = []
    for item in items:
        path = item["file_name"]
        if not item["authentic"]:
            truth = read_mask(item["mask_file_name"]) if item.get("mask_file_name") else None
            seen += _ask(Exhibit.read(path), witnesses, "forged", truth)
            continue
        pixels = read_image(path)
        for kind, make in CLASSES.items():
            seen += _ask(Exhibit.read(path if make is None else make(pixels)), witnesses, kind, None)
        for kind, data, truth in made_forgeries(pixels) if forge else ():
            seen += _ask(Exhibit.read(data), witnesses, kind, truth)
    return seen


def _ask(exhibit: Exhibit, witnesses: Sequence[str], kind: str, truth: np.ndarray | None) -> list[Seen]:
    seen = []
    for name in witnesses:
        finding = ask(WITNESSES[name], exhibit)
        strength = finding.facts.get("strength") if name in rates_file()["thresholds"] else None
        overlaps = None if truth is None or finding.map is None else _overlaps(finding.map, truth)
        seen.append(Seen(name, kind, strength, finding.level, overlaps))
    return seen


def _overlaps(shown: np.ndarray, truth: np.ndarray) -> bool | None:
    """Whether the most suspicious part of a map lies on what was manipulated; None where the map is empty."""
    height, width = truth.shape
    grown = cv2.resize(shown.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    marked = grown >= max(0.8 * float(grown.max()), 1e-3)
    return bool(truth[marked].mean() >= OVERLAP) if marked.any() else None


def choose_thresholds(seen: Iterable[Seen]) -> dict[str, dict[str, float]]:
    """The least thresholds that at most the shares in ``ALLOWED`` reach, of authentic images of every class.

    Returns:
        Witness -> word -> threshold.
    """
    strengths: dict[str, dict[str, list[float]]] = {}
    for one in seen:
        if one.kind in CLASSES and one.strength is not None:
            strengths.setdefault(one.witness, {}).setdefault(one.kind, []).append(one.strength)
    chosen: dict[str, dict[str, float]] = {}
    for witness, by_kind in strengths.items():
        chosen[witness] = {}
        for level, share in ALLOWED.items():
            worst = max(float(np.quantile(values, 1 - share, method="higher")) for values in by_kind.values())
            least = _LEAST.get(witness, {}).get(level, 0.0)
            worst *= _MARGIN if level is Level.STRONG else 1
            chosen[witness][level.value] = round(max(worst + 0.01, least), 2)
    return chosen


def measured_rates(seen: Iterable[Seen], thresholds: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The rate of each word.

    Args:
        seen: from :func:`examine_images`.
        thresholds: from :func:`choose_thresholds`; they replace the package's.

    Returns:
        Witness -> ``{"authentic": {class: {"images", word: share}}, "forged": {kind: {"images", word: share, "told",
        "overlaps"}}}``; "overlaps" is the share of the ``told`` findings (weak or stronger, with a map) that lie on
        what was manipulated; null where there is none.
    """
    groups: dict[str, dict[str, list[tuple[Level, bool | None]]]] = {}
    for one in seen:
        level = _word(one, thresholds)
        groups.setdefault(one.witness, {}).setdefault(one.kind, []).append((level, one.overlaps))
    made: dict[str, Any] = {}
    for witness, by_kind in groups.items():
        made[witness] = {"authentic": {}, "forged": {}}
        for kind, found in by_kind.items():
            if kind in CLASSES:
                made[witness]["authentic"][kind] = _shares(found)
                continue
            told = [overlaps for level, overlaps in found if level.rank > 1 and overlaps is not None]
            share = round(float(np.mean(told)), 4) if told else None
            made[witness]["forged"][kind] = {**_shares(found), "told": len(told), "overlaps": share}
    return made


def _word(one: Seen, thresholds: Mapping[str, Mapping[str, float]]) -> Level:
    limits = thresholds.get(one.witness)
    if limits is None or one.strength is None:
        return one.level
    reached = [level for level in ALLOWED if one.strength >= limits[level.value]]
    return max(reached, key=lambda level: level.rank, default=Level.NOTHING_FOUND)


def _shares(found: Sequence[tuple[Level, bool | None]]) -> dict[str, Any]:
    shares = {level.value: round(sum(one is level for one, _ in found) / len(found), 4) for level in Level}
    return {"images": len(found), **shares}


def too_often_strong(rates: Mapping[str, Any], most: float = 0.01) -> list[str]:
    """Lines that name witness and class where "strong" is more frequent than ``most`` on authentic images, beyond what
    one image makes in a small set."""
    return [
        f"{witness}, {kind}: strong on {100 * shares['strong']:.1f}% of {shares['images']} authentic images"
        for witness, measured in rates.items()
        for kind, shares in measured["authentic"].items()
        if shares["strong"] * shares["images"] > max(1, most * shares["images"]) + 1e-6
    ]


def rates_table(rates: Mapping[str, Any]) -> str:
    """The rates as lines of text, in per cent."""
    words = [level.words for level in Level]
    lines = [f"{'witness':<14} {'images':<20} {'number':>6} " + " ".join(f"{word:>16}" for word in words)]
    for witness, measured in rates.items():
        for kind, shares in [*measured["authentic"].items(), *measured["forged"].items()]:
            values = " ".join(f"{100 * shares[level.value]:>16.1f}" for level in Level)
            more = ""
            if shares.get("overlaps") is not None:
                more = f"  {100 * shares['overlaps']:.0f}% of {shares['told']} findings on the truth"
            lines.append(f"{witness:<14} {kind:<20} {shares['images']:>6} {values}{more}")
    return "\n".join(lines)
