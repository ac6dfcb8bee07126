"""How a detector bears perturbations, as a page; its words are in ``visualization/html/templates/robustness.html``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from .. import __version__
from ..visualization.html.page import render
from ..visualization.html.plots import Axes
from .perturbations import CLEAN
from .report.tables import Cell, Table, cell

#: Metrics of the table, and those drawn as curves with the style of each.
METRICS = ("f1_best", "f1_fixed", "auc", "false_alarm_area", "image_auc")
CURVES = {"f1_best": "a", "auc": "b", "image_auc": "c"}
#: What a protocol's parameter is called below its curve.
PARAMETERS = {
    "jpeg": "JPEG quality", "gaussian_noise": "noise variance", "gaussian_blur": "kernel (pixels)",
    "resize": "factor", "noise": "noise sigma", "blur": "kernel (pixels)", "social": "",
}  # fmt: skip


def robustness_page(summaries: Mapping[str, Mapping[str, Any]], dataset: str) -> str:
    """The page: a table, and a plot per protocol.

    Args:
        summaries: point name -> what :func:`.metrics.summary.summarise` returns.
        dataset: name or path of a prepared split, for the title.
    """
    counts = next(iter(summaries.values()))["counts"]
    return render(
        "robustness.html",
        dataset=PurePath(dataset).stem,  # of a path no folders: the page may be passed on
        counts=counts,
        table=_table(summaries),
        plots=_plots(summaries),
        clean=CLEAN in summaries,
        version=__version__,
    )


def _table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    clean = summaries.get(CLEAN, {}).get("metrics", {}).get("f1_best", math.nan)
    rows = []
    for name, summary in summaries.items():
        cells = [_cell(summary["metrics"][metric], summary["intervals"].get(metric)) for metric in METRICS]
        loss = summary["metrics"]["f1_best"] - clean
        rows.append((name, [*cells, Cell("" if math.isnan(loss) else f"{100 * loss:+.2f}")]))
    return Table(["perturbation", *METRICS, "f1_best - clean"], rows)


def _cell(value: float, interval) -> Cell:
    if math.isnan(value):
        return cell(None)
    return cell(value, None if interval is None or math.isnan(interval[0]) else interval)


def _plots(summaries: Mapping[str, Mapping[str, Any]]) -> list[Axes]:
    """One per protocol: the metrics over its parameter with their intervals, the clean point dashed."""
    protocols: dict[str, list[tuple[float | None, Mapping]]] = {}
    for name, summary in summaries.items():
        protocol, _, value = name.partition("-")
        if protocol != CLEAN:
            protocols.setdefault(protocol, []).append((float(value) if value else None, summary))
    plots = []
    for protocol, entries in protocols.items():
        if all(value is not None for value, _ in entries):
            # An image gets worse from left to right.
            entries.sort(key=lambda entry: entry[0], reverse=protocol in ("jpeg", "resize"))
        ticks = [(place, "" if value is None else f"{value:g}") for place, (value, _) in enumerate(entries)]
        edges = (-0.5, len(entries) - 0.5)
        axes = Axes(protocol, PARAMETERS.get(protocol, ""), "metric", x_range=edges, ticks=ticks)
        for metric, style in CURVES.items():
            _curve(axes, metric, style, [summary for _, summary in entries])
            if CLEAN in summaries and not math.isnan(value := summaries[CLEAN]["metrics"][metric]):
                axes.line("", edges, (value, value), f"{style} dashed")
        plots.append(axes)
    return plots


def _curve(axes: Axes, metric: str, style: str, summaries: list[Mapping[str, Any]]) -> None:
    """A metric over the points at which it is defined, dots with their figures, and its intervals."""
    values = [(place, s["metrics"][metric], s["intervals"].get(metric)) for place, s in enumerate(summaries)]
    values = [entry for entry in values if not math.isnan(entry[1])]
    axes.line(metric, [place for place, _, _ in values], [value for _, value, _ in values], style)
    axes.scatter("", [(place, value, f"{metric} {100 * value:.2f}%") for place, value, _ in values], style)
    for place, _, interval in values:
        if interval is not None and not math.isnan(interval[0]):
            axes.line("", (place, place), interval, f"{style} interval")
