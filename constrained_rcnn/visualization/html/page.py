"""Pages that open offline: one base template, one style sheet and one content security policy for all of them.

What a page says, headings, captions and cautions, stands in ``templates/``; the package hands it values. Every value is
escaped, and a value that a template misses is an error.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path
from typing import Any

import jinja2

#: Skipped files that are listed on a page; the table has all.
SHOWN_SKIPPED = 500

_TEMPLATES = Path(__file__).with_name("templates")
#: Nothing runs, nothing is loaded but images beside the page or inside it, even if a name should get past the escaping.
#: The one style sheet counts by its digest: no template needs a style attribute, so that 'unsafe-inline' is not needed.
#: 'self' is the page's server, where there is one; a page that is opened from a disk has "file:".
_POLICY = "default-src 'none'; img-src 'self' file: data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"


def render(template: str, **values: Any) -> str:
    """A whole page.

    Args:
        template: file in ``templates/``; it extends ``base.html``.
        values: what the template names; text in them is escaped.

    Returns:
        HTML.

    Raises:
        jinja2.UndefinedError: the template needs a value that is not given.
    """
    return _environment().get_template(template).render(values)


def policy(*more: str) -> str:
    """The content security policy of every page, with the directives that a page of a server needs besides."""
    return "; ".join([_environment().globals["policy"], *more])


def page_name(stem: str, number: int) -> str:
    """Of a page, counted from 0: the first has the stem alone."""
    return f"{stem}.html" if number == 0 else f"{stem}-{number + 1}.html"


def nearby(number: int, count: int) -> list[int]:
    """The pages that a page links to: the first, the last and those near it; all counted from 0."""
    return sorted({0, count - 1, *range(max(0, number - 3), min(count, number + 4))})


def by_reason(entries: list[dict]) -> dict[str, list[str]]:
    """Files by the reason why they were left out, sorted; ``{"file", "reason"}`` each."""
    files: dict[str, list[str]] = {}
    for entry in entries:
        files.setdefault(entry["reason"], []).append(entry["file"])
    return dict(sorted(files.items()))


def remove_other_pages(folder: Path, stem: str, count: int) -> None:
    """Removes the pages beyond ``count``, of an earlier run that had more."""
    current = {page_name(stem, number) for number in range(count)}
    for path in folder.glob(f"{stem}-*.html"):
        if re.fullmatch(rf"{stem}-\d+\.html", path.name) and path.name not in current:
            path.unlink()


def counted(number: int, noun: str) -> str:
    """ "1 image", "2 images"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {"style": style, "policy": _POLICY.format(digest), "shown_skipped": SHOWN_SKIPPED,
                     "page_name": page_name, "nearby": nearby, "by_reason": by_reason}  # fmt: skip
    environment.filters["counted"] = counted
    return environment
