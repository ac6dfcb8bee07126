"""The pairs of a run as pages that open offline, most telling first. No script; images are files beside them.

What the pages say stands in ``visualization/html/templates/pair*.html``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ...utils.files import write_bytes_atomic
from ...visualization.html.page import page_name, remove_other_pages, render
from ..detect.table import how
from .table import ALTERED, PART

#: Pairs on one page.
PER_PAGE = 200


def write_page(
    folder: Path, pairs: list[dict], skipped: list[dict], about: dict, *, images: int, compared: int,
    earlier: int = 0, left_out: list[dict] = (),
) -> list[Path]:  # fmt: skip
    """Writes ``pairs.html``, and ``pairs-2.html`` and so on where there are more than ``PER_PAGE`` pairs.

    Args:
        folder: holds ``pairs/``, to which the pages link.
        pairs: records as in ``pairs.json``, in the order of the page.
        skipped: ``{"file", "reason"}`` each.
        about: ``time``, ``versions`` and ``finished`` of the run.
        images, compared: how many were read, and how many pairs of them compared.
        earlier: how many of ``pairs`` are not among these, but were found by earlier runs.
        left_out: ``{"file", "reason"}`` of files in folders that are no images.

    Returns:
        The pages' paths.
    """
    parts = [pairs[start : start + PER_PAGE] for start in range(0, len(pairs), PER_PAGE)] or [[]]
    paths = [folder / page_name("pairs", number) for number in range(len(parts))]
    values = {
        "total": len(pairs), "earlier": earlier, "compared": compared, "images": images,
        "relations": Counter(pair["relation"] for pair in pairs), "skipped": skipped, "left_out": left_out,
        "about": about, "count": len(parts),
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(about["versions"].items())),
    }  # fmt: skip
    for number, (path, part) in enumerate(zip(paths, parts)):
        html = render("pairs.html", number=number, pairs=list(map(shown, part)), **values)
        write_bytes_atomic(path, html.encode("utf-8"))
    remove_other_pages(folder, "pairs", len(parts))
    return paths


def shown(pair: dict) -> dict:
    """What the template needs of a pair; records of earlier versions have no readings."""
    readings = {key: str(pair.get(key) or "") for key in ("first_reading", "second_reading")}
    shared = [{**region, "how": how(region)} for region in pair["shared"]]
    return {**pair, **readings, "shared": shared, "telling": pair["relation"] in (ALTERED, PART)}
