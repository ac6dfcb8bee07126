"""Findings as they stand in files: without the place where an image was taken, and the strongest of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...evidence import Finding, Level
from ...evidence.rates import rates_file


def record_of(findings: Sequence[Finding], *, gps: bool) -> dict[str, Any]:
    """What JSON files keep of findings.

    Args:
        findings: of the witnesses, in the order of the sheet.
        gps: also where the image was taken.
    """
    return {
        "strongest": strongest(one.level for one in findings).value,
        "gps": gps,
        "rates": rates_file()["about"]["text"],
        "findings": [_without_gps(one.to_json(), gps) for one in findings],
    }


def strongest(levels: Iterable[Level]) -> Level:
    """The strongest of the findings; they are compared, never added up."""
    return max(levels, key=lambda level: level.rank, default=Level.CANNOT_BE_JUDGED)


def _without_gps(finding: dict[str, Any], gps: bool) -> dict[str, Any]:
    if gps or "gps" not in finding["facts"]:
        return finding
    facts = {key: value for key, value in finding["facts"].items() if key != "gps"}
    return {**finding, "facts": {**facts, "gps": "in the file; not shown unless --gps is given"}}
