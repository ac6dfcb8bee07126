"""The report's tables as rows of cells; templates say what stands around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..table import OVERALL


@dataclass(frozen=True)
class Cell:
    """Attributes: text: of the value. interval: "[70.1, 74.5]", or "" where there is none."""

    text: str
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """Attributes: head: of each column. rows: name and cells of each."""

    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


def metrics_rows(summary: Mapping) -> Table:
    """The metrics over all images and per technique, in per cent, with their intervals; then the number of images.

    Args:
        summary: the content of ``metrics.json``.
    """
    counts, prefix = summary["counts"], "n_manipulated/"
    techniques = [name.removeprefix(prefix) for name in counts if name.startswith(prefix)]
    metrics, intervals = summary["metrics"], summary.get("intervals", {})
    rows = []
    for name in (*OVERALL, *(n for n in metrics if n.startswith("paper_"))):
        keys = (name + suffix for suffix in ("", *("/" + t for t in techniques)))
        rows.append((name, [cell(metrics[key], intervals.get(key)) if key in metrics else Cell("") for key in keys]))
    numbers = (counts["n_manipulated"], *(counts[prefix + t] for t in techniques))
    rows.append(("n(manipulated)", [Cell(str(number)) for number in numbers]))
    return Table(["metric", "all", *techniques], rows)


def coco_rows(summary: Mapping) -> Table | None:
    """COCO's average precision of boxes and masks, in per cent, with its intervals; None where there is none.

    Args:
        summary: the content of ``metrics.json``.
    """
    tasks = {task: values for task, values in (summary.get("coco") or {}).items() if values}
    if not tasks:
        return None
    names, all_intervals = list(next(iter(tasks.values()))), summary.get("coco_intervals") or {}
    rows = []
    for task, values in tasks.items():
        intervals = all_intervals.get(task, {})
        rows.append((task, [cell(values.get(name), intervals.get(name)) for name in names]))
    return Table(["COCO", *names], rows)


def text_rows(rows: Sequence[Sequence[str]]) -> Table:
    """A table of cells that are text already. Args: rows: the first is the heading."""
    head, *body = rows
    return Table(head, [(name, [Cell(text) for text in cells]) for name, *cells in body])


def cell(value: float | None, interval: Sequence[float | None] | None = None) -> Cell:
    """A fraction and its interval, in per cent; None is undefined."""
    if value is None:
        return Cell("undefined")
    has_interval = interval and interval[0] is not None
    return Cell(f"{100 * value:.2f}", f"[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if has_interval else "")
