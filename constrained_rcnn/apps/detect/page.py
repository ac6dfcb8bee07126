"""The results of a run as pages that open offline. No script; images are small files beside them.

``results.html`` has all by score; ``results-by-strongest.html`` and one page for each witness, such as
``results-by-noise.html``, list them by what witnesses found. What the pages say stands in
``visualization/html/templates/``, ``results*.html`` and ``findings.html``.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from ...utils.files import write_bytes_atomic
from ...visualization.html.page import counted, page_name, render
from ...visualization.overlay import THUMBNAIL_GAP, thumbnail_size
from .orders import SCORE, TITLES, links, ordered, orders, remove_other_orders, stem

#: Images on one page, so that forty thousand stay two hundred pages that any browser opens.
PER_PAGE = 200


def write_pages(
    folder: Path, rows: list[dict], skipped: list[dict], about: dict, *, finished: bool, expected: int,
    left_out: list[dict] = (),
) -> list[Path]:  # fmt: skip
    """Writes ``results.html``, the pages of other orders, and ``results-2.html`` and so on where there are more than
    ``PER_PAGE`` images.

    Args:
        folder: holds the results that the pages link to.
        rows: of :class:`.table.ResultsTable`, best first.
        skipped: ``{"file", "reason"}`` each.
        about: ``weights`` (file, sha256), ``config_sha256`` and ``versions`` of the run.
        finished: False for a run that was interrupted.
        expected: number of files that the run was given.
        left_out: ``{"file", "reason"}`` of files in its folders that are no images.

    Returns:
        The pages' paths, those by score first.
    """
    pages = _parts(rows)
    paths = [folder / page_name("results", number) for number in range(len(pages))]
    named = orders(rows)
    looked_for = [row for row in rows if row["repeats"] is not None]
    values = {
        "total": len(rows),
        "manipulated": sum(row["manipulated"] for row in rows),
        "unsuitable": sum(bool(row["unsuitable"]) and not row["manipulated"] for row in rows),
        "duplicated": sum(bool(row["repeats"]) for row in rows) if looked_for else None,
        "skipped": skipped,
        "left_out": left_out,
        "finished": finished,
        "left": expected - len(rows) - len(skipped),
        "facts": _facts(rows, about),  # on every page, for pages get printed and passed on alone
        "config_file": f"config-{about['config_sha256'][:12]}.yaml",
        "thumbnail_gap": THUMBNAIL_GAP,
        "count": len(pages),
        "orders": links(named, SCORE),
        "titles": TITLES,
    }
    for number, (path, part) in enumerate(zip(paths, pages)):
        shown = [
            {**row, "thumbnail": thumbnail_size(row["width"], row["height"]), "by_others": _by_others(row, about)}
            for row in part
        ]
        write_bytes_atomic(path, render("results.html", number=number, rows=shown, **values).encode("utf-8"))
    for order, name in named.items():
        if order != SCORE:
            paths += _write_order(folder, order, name, named, rows)
    remove_other_orders(folder, paths)
    return paths


def _parts(rows: list[dict]) -> list[list[dict]]:
    return [rows[start : start + PER_PAGE] for start in range(0, len(rows), PER_PAGE)] or [[]]


def _write_order(folder: Path, order: str, name: str, named: dict[str, str], rows: list[dict]) -> list[Path]:
    """The pages of an order other than by score: a line for each image."""
    parts, paths = _parts(ordered(rows, order)), []
    witnesses = {witness: title for witness, title in TITLES.items() if witness in named}
    for number, part in enumerate(parts):
        paths.append(folder / page_name(stem(order), number))
        page = render(
            "findings.html", rows=part, total=len(rows), order=order, order_name=name, stem=stem(order), number=number,
            count=len(parts), orders=links(named, order), witnesses=witnesses,
        )  # fmt: skip
        write_bytes_atomic(paths[-1], page.encode("utf-8"))
    return paths


def _facts(rows: list[dict], about: dict) -> dict[str, str]:
    """What made the results, and those of earlier runs among them."""
    times = sorted(row["time"] for row in rows)
    now = json.dumps(about["versions"], sort_keys=True)
    earlier = Counter(row["versions"] for row in rows if row["versions"] != now)
    others = Counter((row["weights_sha256"], row["config_sha256"]) for row in rows if _by_others(row, about))
    return {
        "Time (UTC)": " to ".join(dict.fromkeys((times[0], times[-1]))) if times else "none",
        "Weights": about["weights"]["file"],
        "SHA-256 of the weights": about["weights"]["sha256"],
        "SHA-256 of the config": about["config_sha256"],
        "Versions": _versions(about["versions"]),
        **{
            f"Weights and config, {counted(number, 'result')} of an earlier run": f"{weights}, {config}"
            for (weights, config), number in sorted(others.items())
        },
        **{
            f"Versions, {counted(number, 'result')} of an earlier run": _versions(json.loads(versions))
            for versions, number in sorted(earlier.items())
        },
    }


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _by_others(row: dict, about: dict) -> bool:
    """Whether a result is of an earlier run with other weights or another config."""
    made_of = (row["weights_sha256"], row["config_sha256"])
    return made_of != ("", "") and made_of != (about["weights"]["sha256"], about["config_sha256"])
