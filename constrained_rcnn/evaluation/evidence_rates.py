"""From what witnesses saw to the package's rates: thresholds that keep strong findings rare, the rate of each word with
its confidence bound, and how well processing classes are recognised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..evidence.file_class import CLASSES
from ..evidence.finding import Level
from ..evidence.rates import ALLOWED
from .evidence import Seen

#: "Strong" begins this much above the number that its share reaches: the largest of few images is a low guess.
_MARGIN = 1.2
#: Least thresholds that are chosen whatever the images say: block_grid's are bounds on false alarms.
_LEAST = {"block_grid": {Level.WEAK: 0.5, Level.MODERATE: 1.0, Level.STRONG: 2.0}}
#: Largest share of untouched images of a class that a witness may call strong and still be heard.
MOST_STRONG = 0.01
#: A class whose thresholds would lie this many times above those of the class before it is left out: the witness is
#: not heard there, instead of being deaf everywhere.
_APART = 1.5
#: Confidence of the upper bounds.
CONFIDENCE = 0.95


def choose_thresholds(seen: Iterable[Seen]) -> tuple[dict[str, dict[str, float]], dict[str, list[str]]]:
    """The least thresholds that at most the shares in ``ALLOWED`` reach, of untouched images of every class.

    Returns:
        witness -> word -> threshold; and witness -> classes that were left out because their numbers are far above all
        others.
    """
    strengths: dict[str, dict[str, list[float]]] = {}
    for one in seen:
        if one.kind in CLASSES and one.strength is not None:
            strengths.setdefault(one.witness, {}).setdefault(one.kind, []).append(one.strength)
    chosen: dict[str, dict[str, float]] = {}
    left_out: dict[str, list[str]] = {}
    for witness, by_kind in strengths.items():
        left_out[witness] = _apart({kind: _reached(values, Level.STRONG) for kind, values in by_kind.items()})
        heard = [values for kind, values in by_kind.items() if kind not in left_out[witness]]
        chosen[witness] = {}
        for level in ALLOWED:
            least = _LEAST.get(witness, {}).get(level, 0.0)
            worst = max(_reached(values, level) for values in heard) * (_MARGIN if level is Level.STRONG else 1)
            chosen[witness][level.value] = round(max(worst + 0.01, least), 2)
    return chosen, {witness: kinds for witness, kinds in left_out.items() if kinds}


def _reached(values: Sequence[float], level: Level) -> float:
    return float(np.quantile(values, 1 - ALLOWED[level], method="higher"))


def _apart(numbers: Mapping[str, float]) -> list[str]:
    """The one class whose number lies far above all others."""
    *others, worst = sorted(numbers, key=lambda kind: numbers[kind])
    return [worst] if others and numbers[worst] > _APART * max(numbers[others[-1]], 1e-9) else []


def measured_rates(seen: Iterable[Seen], thresholds: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The rate of each word.

    Args:
        seen: from :func:`.evidence.examine_images`.
        thresholds: from :func:`choose_thresholds`; they replace the package's.

    Returns:
        Witness -> ``{"authentic": {class: {"images", word: share, "counts": {word: number}, "upper": {word: bound}}},
        "forged": {kind: {..., "told", "overlaps"}}}``. "upper" bounds the share of images that get the word or a
        stronger one; "overlaps" is the share of the ``told`` findings (weak or stronger, with a map) that lie on what
        was manipulated; null where there is none.
    """
    groups: dict[str, dict[str, list[tuple[Level, bool | None]]]] = {}
    for one in seen:
        level = _word(one, thresholds)
        groups.setdefault(one.witness, {}).setdefault(one.kind, []).append((level, one.overlaps))
    made: dict[str, Any] = {}
    for witness, by_kind in groups.items():
        made[witness] = {"authentic": {}, "forged": {}}
        for kind in [*(name for name in CLASSES if name in by_kind), *sorted(by_kind.keys() - set(CLASSES))]:
            found = by_kind[kind]
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
    number = len(found)
    counts = {level.value: sum(one is level for one, _ in found) for level in Level}
    reached = {level.value: sum(one.rank >= level.rank for one, _ in found) for level in ALLOWED}
    return {
        "images": number,
        **{word: round(count / number, 4) for word, count in counts.items()},
        "counts": counts,
        "upper": {word: round(upper_bound(count, number), 4) for word, count in reached.items()},
    }


def upper_bound(count: int, number: int, confidence: float = CONFIDENCE) -> float:
    """The largest share of which ``count`` or fewer of ``number`` are not yet unlikely (Clopper, Pearson; one-sided).

    Args:
        count: 0 to ``number``.
        number: at least 1.
        confidence: below 1.
    """
    if count >= number:
        return 1.0
    logs = [math.lgamma(number + 1) - math.lgamma(k + 1) - math.lgamma(number - k + 1) for k in range(count + 1)]
    low, high = 0.0, 1.0
    for _ in range(50):
        share = (low + high) / 2
        terms = (log + k * math.log(share) + (number - k) * math.log1p(-share) for k, log in enumerate(logs))
        low, high = (share, high) if sum(map(math.exp, terms)) > 1 - confidence else (low, share)
    return high


def refused(rates: Mapping[str, Any], left_out: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Witness -> classes where it is not heard: "strong" is too frequent there, or they were left out when thresholds
    were chosen."""
    found = {}
    for witness, measured in rates.items():
        kinds = [
            kind
            for kind, shares in measured["authentic"].items()
            if shares["counts"]["strong"] > MOST_STRONG * shares["images"] or kind in left_out.get(witness, ())
        ]
        if kinds:
            found[witness] = kinds
    return found


def recognition(classes: Iterable[tuple[str, Sequence[str]]]) -> dict[str, dict[str, Any]]:
    """How well processing classes are recognised.

    Args:
        classes: (true class, classes that the file was taken for) of each file.

    Returns:
        true class -> ``{"images", "among", "only", "upper_missed", "candidates"}``: how many files there are, in how
        many the true class is among the candidates, in how many it is the only one, the bound on the share where it is
        not among them, and the mean number of candidates.
    """
    by_class: dict[str, list[Sequence[str]]] = {}
    for true, candidates in classes:
        by_class.setdefault(true, []).append(candidates)
    found = {}
    for true in (name for name in CLASSES if name in by_class):
        taken = by_class[true]
        among = sum(true in one for one in taken)
        found[true] = {
            "images": len(taken),
            "among": among,
            "only": sum(list(one) == [true] for one in taken),
            "upper_missed": round(upper_bound(len(taken) - among, len(taken)), 4),
            "candidates": round(float(np.mean([len(one) for one in taken])), 2),
        }
    return found


def rates_table(rates: Mapping[str, Any]) -> str:
    """The rates as lines of text, in per cent."""
    words = [level.words for level in Level]
    lines = [f"{'witness':<18} {'images':<36} {'number':>6} " + " ".join(f"{word:>16}" for word in words)]
    for witness, measured in rates.items():
        for kind, shares in [*measured["authentic"].items(), *measured["forged"].items()]:
            values = " ".join(f"{100 * shares[level.value]:>16.1f}" for level in Level)
            more = (
                f"  strong in at most {100 * shares['upper']['strong']:.1f}%" if kind in measured["authentic"] else ""
            )
            if shares.get("overlaps") is not None:
                more = f"  {100 * shares['overlaps']:.0f}% of {shares['told']} findings on the truth"
            lines.append(f"{witness:<18} {kind:<36} {shares['images']:>6} {values}{more}")
    return "\n".join(lines)


def recognition_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """How well classes are recognised, as lines of text."""
    lines = [f"{'class':<18} {'number':>6} {'among':>6} {'only':>6} {'candidates':>10}"]
    for name, one in found.items():
        lines.append(f"{name:<18} {one['images']:>6} {one['among']:>6} {one['only']:>6} {one['candidates']:>10.1f}")
    return "\n".join(lines)
