"""The orders in which the pages of a run list its results: by score, by strongest finding, by one witness."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ...evidence.finding import Level
from ...evidence.registry import WITNESSES
from ...visualization.html.page import page_name
from ..evidence.options import ALL_WITNESSES, NETWORK
from . import network_witness

#: Witness -> what people read.
TITLES = {**{name: witness.title for name, witness in WITNESSES.items()}, NETWORK: network_witness.TITLE}
SCORE, STRONGEST = "score", "strongest"
_PAGE = re.compile(rf"results(-by-({'|'.join((STRONGEST, *ALL_WITNESSES))}))?(-\d+)?\.html")


def stem(order: str) -> str:
    """What the names of an order's pages begin with."""
    return "results" if order == SCORE else f"results-by-{order}"


def orders(rows: Iterable[dict]) -> dict[str, str]:
    """Order -> its name for people. By score alone where no witness was asked.

    Args:
        rows: of :class:`.table.ResultsTable`.
    """
    asked = {name for row in rows for name in row["findings"]}
    if not asked:
        return {SCORE: "score"}
    witnesses = {name: TITLES[name] for name in ALL_WITNESSES if name in asked}
    return {SCORE: "score", STRONGEST: "strongest finding", **witnesses}


def ordered(rows: list[dict], order: str) -> list[dict]:
    """The rows with the strongest finding first, those without one last; rows with the same keep their order."""
    return sorted(rows, key=lambda row: -_rank(row, order))


def remove_other_orders(folder: Path, pages: Iterable[Path]) -> None:
    """Removes pages of an earlier run in any order that are none of these."""
    names = {path.name for path in pages}
    for path in folder.glob("results*.html"):
        if _PAGE.fullmatch(path.name) and path.name not in names:
            path.unlink()


def links(named: dict[str, str], current: str) -> list[dict]:
    """``{"name", "href", "current"}`` of each order, for the page's navigation."""
    return [
        {"name": name, "href": page_name(stem(order), 0), "current": order == current} for order, name in named.items()
    ]


def _rank(row: dict, order: str) -> int:
    level: Level | None = row["strongest"] if order == STRONGEST else row["findings"].get(order)
    return -1 if level is None else level.rank
