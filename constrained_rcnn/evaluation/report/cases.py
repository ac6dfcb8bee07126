"""Which images the report shows: the best, the median, the worst, and false alarms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..metrics.pixel import FIXED_THRESHOLD

#: Cases of each kind, and false alarms shown.
CASES, ALARMS = 3, 6


def choose_cases(records: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    """Best, median and worst manipulated images by ``f1_best``: title -> up to ``CASES`` records, none twice."""
    ranked = [r for r in records if not r["authentic"] and not r["skipped"] and r["pixel"]]
    ranked.sort(key=lambda r: (-r["pixel"]["f1_best"], str(r["image_id"])))
    number = min(CASES, math.ceil(len(ranked) / 3))
    worst = ranked[max(len(ranked) - number, number) :]
    middle = ranked[number : len(ranked) - len(worst)]
    start = max((len(middle) - number) // 2, 0)
    cases_by_title = {"Best": ranked[:number], "Median": middle[start : start + number], "Worst": worst[::-1]}
    return {title: cases for title, cases in cases_by_title.items() if cases}


@dataclass(frozen=True)
class Alarms:
    """Authentic images that look manipulated.

    Attributes:
        authentic: number of authentic images.
        count: of those with an alarm: a pixel or the score above ``FIXED_THRESHOLD``.
        worst: up to ``ALARMS`` of these, the largest first: (record, share of its pixels with an alarm).
    """

    authentic: int
    count: int
    worst: list[tuple[Mapping, float]]


def find_alarms(records: Sequence[Mapping]) -> Alarms:
    """The false alarms of an evaluation."""
    areas = [(r, _alarm_area(r["pixel"])) for r in records if r["authentic"] and r["pixel"]]
    alarms = [(r, area) for r, area in areas if area > 0 or (r["score"] or 0) > FIXED_THRESHOLD]
    alarms.sort(key=lambda entry: (-entry[1], -(entry[0]["score"] or 0), str(entry[0]["image_id"])))
    return Alarms(sum(r["authentic"] for r in records), len(alarms), alarms[:ALARMS])


def _alarm_area(pixel: Mapping) -> float:
    return pixel["fp"] / max(pixel["fp"] + pixel["tn"], 1)
