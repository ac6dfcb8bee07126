"""Whether two results of one image are equal, and what differs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...utils.files import printable

#: Keys of a result that say when and where it was made, or are compared otherwise.
_OF_THE_RUN = {"file", "time", "versions", "weights", "config_sha256", "evidence"}


@dataclass(frozen=True)
class Tolerance:
    """Attributes: score: of scores in [0, 1]. box: of box corners, pixels. map: of each value of a map in [0, 1].
    exact: everything else must be equal, too."""

    score: float
    box: float
    map: float
    exact: bool = False

    def __str__(self) -> str:
        return f"scores by {self.score}, box corners by {self.box:g} pixel, maps by {self.map}"


EXACT = Tolerance(0, 0, 0, exact=True)
#: Where versions, threads or processors differ: sums in another order.
LOOSE = Tolerance(0.005, 1, 0.02)


def compare_results(then: Path, now: Path, name: str, tolerance: Tolerance) -> list[str]:
    """What differs between two results of an image, a phrase each.

    Args:
        then, now: folders of detection.
        name: of the result.
        tolerance: ``EXACT`` or ``LOOSE``.
    """
    try:
        old, new = _load(then / f"{name}.json"), _load(now / f"{name}.json")
        if old is None or new is None:
            return [_only(old, new, "result")]
        found = _records(old, new, tolerance)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ["its record is damaged"]
    return found + _maps(then / f"{name}_map.png", now / f"{name}_map.png", tolerance)


def compare_evidence(then: Path, now: Path, name: str, tolerance: Tolerance) -> list[str]:
    """The same of evidence: the witnesses whose findings differ; with tolerance, only the words count."""
    try:
        records = (_load(folder / f"{name}.json") for folder in (then, now))
        old, new = (record and record["evidence"] for record in records)
        if old is None and new is None:
            return []
        if old is None or new is None:
            return [_only(old, new, "sheet")]
        before, after = ({one["witness"]: one for one in record["findings"]} for record in (old, new))
        found = []
        for witness in dict.fromkeys([*before, *after]):
            words = [_words(findings, witness) for findings in (before, after)]
            if words[0] != words[1]:
                found.append(f"{printable(witness)}: {words[0]} then, {words[1]} now")
            elif tolerance.exact and before[witness] != after[witness]:
                found.append(f"{printable(witness)}: other facts")
        return found
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ["its record is damaged"]


def _records(old: dict[str, Any], new: dict[str, Any], tolerance: Tolerance) -> list[str]:
    equal = ("decision", "manipulated", "unsuitable", "sha256", "width", "height")
    found = [f"{key} {_short(old[key])} then, {_short(new[key])} now" for key in equal if old[key] != new[key]]
    for key in ("score", "threshold"):
        if abs(old[key] - new[key]) > tolerance.score:
            found.append(f"{key} {old[key]:.4f} then, {new[key]:.4f} now")
    found += _regions(*([one for one in record["detections"] if one["above_threshold"]] for record in (old, new)),
                      tolerance)  # fmt: skip
    counts = [None if record["repeats"] is None else len(record["repeats"]) for record in (old, new)]
    if counts[0] != counts[1]:
        found.append(f"{counts[0]} duplicated regions then, {counts[1]} now")
    if tolerance.exact and not found:
        keys = dict.fromkeys([*old, *new])
        found += [printable(key) for key in keys if key not in _OF_THE_RUN and old.get(key) != new.get(key)]
    return found


def _regions(old: list[dict], new: list[dict], tolerance: Tolerance) -> list[str]:
    """Regions above the threshold, in order of their score or, where scores are nearly equal, in any order."""
    if len(old) != len(new):
        return [f"{len(old)} regions above the threshold then, {len(new)} now"]
    left, lost = list(new), 0
    for one in old:
        same = next((other for other in left if _same_region(one, other, tolerance)), None)
        lost += same is None
        if same is not None:
            left.remove(same)
    return [f"{lost} of {len(old)} regions have another box, score or technique"] if lost else []


def _same_region(one: dict, other: dict, tolerance: Tolerance) -> bool:
    corners = zip(one["box"], other["box"])
    return (
        one["technique"] == other["technique"]
        and abs(one["score"] - other["score"]) <= tolerance.score
        and all(abs(first - second) <= tolerance.box for first, second in corners)
    )


def _maps(old: Path, new: Path, tolerance: Tolerance) -> list[str]:
    before, after = (_read_map(path) for path in (old, new))
    if before is None or after is None:
        return ["a map cannot be read"]
    if before.shape != after.shape or before.dtype != np.uint16 or after.dtype != np.uint16:
        return ["the maps have other sizes"]
    most = int(cv2.absdiff(before, after).max()) / 65535
    return [f"map by up to {most:.4f}"] if most > tolerance.map else []


def _read_map(path: Path) -> np.ndarray | None:
    data = path.read_bytes() if path.is_file() else b""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None


def _load(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _only(old: object, new: object, what: str) -> str:
    return f"no {what} then, one now" if old is None and new is not None else f"no {what} now"


def _words(findings: dict[str, dict], witness: str) -> str:
    return printable(findings[witness]["finding"]) if witness in findings else "not asked"


def _short(value: object) -> str:
    return printable(str(value))[:80]
