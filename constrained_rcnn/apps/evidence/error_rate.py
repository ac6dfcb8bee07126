"""How often a witness is wrong, in a sentence for the word that it said, and as a table of all its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...evidence import Finding, Level

#: The words that support a manipulation.
TOLD = (Level.WEAK, Level.MODERATE, Level.STRONG)
_NOT_MEASURED = "Not measured."


def error_rate(finding: Finding) -> str:
    """What share of untouched images gets a word like this, or how many forgeries get none; one sentence or more."""
    if finding.level is Level.CANNOT_BE_JUDGED:
        return ""
    authentic, forged = (_measured(finding, of) for of in ("authentic", "forged"))
    if finding.level in TOLD:
        if not authentic:
            return _NOT_MEASURED
        if finding.as_much is not None:
            return finding.as_much.sentence
        return _false_alarms(finding.level, authentic)
    if not forged:
        return "" if authentic else _NOT_MEASURED
    missed = {kind: rates[Level.NOTHING_FOUND.value] for kind, rates in forged.items()}
    shares = ", ".join(f"{_percent(share)} ({kind})" for kind, share in missed.items())
    return f"Of the forgeries that it was tried on it found nothing in {shares}."


def worst_share(finding: Finding) -> str:
    """For the list of findings: how many untouched images of the file's own class, or else the largest share of any
    class, get this word or a stronger one."""
    authentic = _measured(finding, "authentic")
    if finding.level not in TOLD:
        return ""
    if not authentic:
        return "not measured"
    if finding.as_much is not None:
        return f"{finding.as_much.count} of {finding.as_much.images}"
    worst = max(reached(rates, finding.level) for rates in authentic.values())
    return f"up to {_percent(worst)}" if worst else f"none of {_images(authentic)}"


def reached(rates: Mapping[str, float], level: Level) -> float:
    """Share with this word or a stronger one."""
    return sum(rates[one.value] for one in TOLD if one.rank >= level.rank)


def rates_table(finding: Finding) -> list[dict[str, Any]]:
    """Per kind of untouched images: how many were measured, and the share with each word, in per cent."""
    return [
        {"kind": kind, "images": rates["images"], "shares": [100 * rates[level.value] for level in Level]}
        for kind, rates in _measured(finding, "authentic").items()
    ]


def _false_alarms(level: Level, authentic: Mapping[str, Any]) -> str:
    opening = f"It says \u201c{level.words}\u201d{'' if level is Level.STRONG else ' or more'} of"
    shares = {kind: reached(rates, level) for kind, rates in authentic.items()}
    worst = max(shares, key=shares.__getitem__)
    if not shares[worst]:
        return f"{opening} none of {_images(authentic)} images that nobody manipulated."
    least, most = (_percent(end(shares.values())) for end in (min, max))
    span = most if least == most else f"{least} to {most}"
    return f"{opening} {span} of images that nobody manipulated, most often of this kind: {worst}."


def _images(authentic: Mapping[str, Any]) -> int:
    """Images of the kind that the fewest were measured of."""
    return min(rates["images"] for rates in authentic.values())


def _measured(finding: Finding, of: str) -> Mapping[str, Any]:
    kinds = (finding.rates or {}).get(of, {})
    return {kind: rates for kind, rates in kinds.items() if rates.get("images")}


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share == 0 or share >= 0.095 else f"{100 * share:.1f}%"
