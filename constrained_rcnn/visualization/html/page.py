"""Pages that open offline, and what those of a long list have in common."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from .style import STYLE

#: Nothing is loaded from elsewhere and nothing runs, even if a name should get past the escaping.
_POLICY = "script-src 'none';object-src 'none';frame-src 'none';connect-src 'none';base-uri 'none';form-action 'none'"

#: Skipped files that are listed on a page; the table has all.
SHOWN_SKIPPED = 500


def html_page(title: str, body: str, style: str = "") -> str:
    """A whole page. Args: title and body are HTML, names in them escaped already; style is added to ``STYLE``."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>{STYLE}{style}</style></head><body><main>{body}</main></body></html>\n"
    )


def page_name(stem: str, number: int) -> str:
    """Of a page, counted from 0: the first has the stem alone."""
    return f"{stem}.html" if number == 0 else f"{stem}-{number + 1}.html"


def navigation(stem: str, number: int, count: int, label: str) -> str:
    """Links to the pages near a page, the first and the last; nothing where it is the only one."""
    if count == 1:
        return ""
    near = sorted({0, count - 1, *range(max(0, number - 3), min(count, number + 4))})
    links = "".join(
        f'<strong aria-current="page">{n + 1}</strong> '
        if n == number
        else f'<a href="{page_name(stem, n)}">{n + 1}</a>'
        for n in near
    )
    return f'<nav aria-label="{label}">Page {links}of {count}</nav>'


def skipped_list(skipped: list[dict], table: str) -> str:
    """Skipped files, ``{"file", "reason"}`` each, escaped here; ``table`` is the file that has those beyond."""
    listed = "".join(
        f"<li>{escape(entry['file'])}: <span class=soft>{escape(entry['reason'])}</span></li>"
        for entry in skipped[:SHOWN_SKIPPED]
    )
    more = f"<p>{len(skipped) - SHOWN_SKIPPED} more are in {table}.</p>" if len(skipped) > SHOWN_SKIPPED else ""
    return f'<h2 id="skipped">Skipped</h2><ul>{listed}</ul>{more}'


def left_out_list(left_out: list[dict], table: str) -> str:
    """Files in folders that are no images, ``{"file", "reason"}`` each, by reason, escaped here."""
    by_reason: dict[str, list[str]] = {}
    for entry in left_out[:SHOWN_SKIPPED]:
        by_reason.setdefault(entry["reason"], []).append(entry["file"])
    listed = "".join(
        f"<li>{escape(reason)}: <span class=soft>{escape('; '.join(files))}</span></li>"
        for reason, files in sorted(by_reason.items())
    )
    more = f"<p>{len(left_out) - SHOWN_SKIPPED} more are in {table}.</p>" if len(left_out) > SHOWN_SKIPPED else ""
    return f'<h2 id="left-out">Left out</h2><p>In the folders, but no images.</p><ul>{listed}</ul>{more}'


def remove_other_pages(folder: Path, stem: str, count: int) -> None:
    """Removes the pages beyond ``count``, of an earlier run that had more."""
    kept = {page_name(stem, number) for number in range(count)}
    for path in folder.glob(f"{stem}-*.html"):
        if re.fullmatch(rf"{stem}-\d+\.html", path.name) and path.name not in kept:
            path.unlink()
