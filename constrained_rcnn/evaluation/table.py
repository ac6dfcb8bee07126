"""Metrics as text: one table that says how many images are behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .metrics.pixel import FIXED_THRESHOLD, PIXEL_METRICS
from .metrics.techniques import FALSE_ALARMS, MISSED, TECHNIQUE_METRICS

#: Pixel metrics of the whole set, then those of the image decision.
OVERALL = (*PIXEL_METRICS, "f1_pooled", "false_alarm_area", "image_auc", "image_f1", "image_bacc")


def metrics_table(summary: Mapping[str, Any]) -> str:
    """One evaluation as text, in per cent.

    Args:
        summary: what :func:`.metrics.summary.summarise` returns; may have ``warnings``, a list of lines.

    Returns:
        Several lines: the metrics over all images with their intervals and per technique, then
        n(manipulated), n(authentic) and n(skipped and why); then how regions were named. Undefined values read
        ``nan``.
    """
    metrics, counts = summary["metrics"], summary["counts"]
    prefix = "n_manipulated/"
    techniques = [name.removeprefix(prefix) for name in counts if name.startswith(prefix)]
    columns = [("all", "", counts["n_manipulated"])]
    columns += [(name, "/" + name, counts[prefix + name]) for name in techniques]
    intervals = summary.get("intervals", {})
    names = (*OVERALL, *(name for name in metrics if name.startswith("paper_")))
    rows = [["metric (%)", "all", "95% interval", *(name for name, _, _ in columns[1:])]]
    for name in names:
        first, *rest = (_percent(metrics.get(name + suffix)) for _, suffix, _ in columns)
        rows.append([name, first, interval_text(intervals.get(name)), *rest])
    rows.append(["n(manipulated)", str(columns[0][2]), "", *(str(number) for _, _, number in columns[1:])])
    lines = [format_rows(rows), counts_line(summary)]
    if "bootstrap" in summary:
        lines.append("intervals: bootstrap over {n_groups} {over}, {resamples} draws".format(**summary["bootstrap"]))
    for title, table in technique_tables(summary):
        lines += [f"{title}:", format_rows(table)]
    if not summary.get("techniques"):
        lines.append("techniques: not measured, no detections are known (maps name no technique)")
    lines += [f"WARNING: {line}" for line in summary.get("warnings", ())]
    return "\n".join(lines)


def technique_tables(summary: Mapping[str, Any]) -> list[tuple[str, list[list[str]]]]:
    """How regions were named, for a text or a page.

    Args:
        summary: what :func:`.metrics.summary.summarise` returns, or what a ``metrics.json`` holds.

    Returns:
        Titles and rows of cells, headings first: the confusion matrix in numbers, and the rates with their intervals in
        per cent. [] where no detections are known.
    """
    matrix = summary.get("techniques")
    if not matrix:
        return []
    alarms, columns = set(FALSE_ALARMS.values()), [*matrix["columns"], "all"]
    counted = [["ground truth, named as", *columns]]
    for name, counts in zip(matrix["rows"], matrix["counts"]):
        cells = ["" if name in alarms and c == MISSED else str(n) for c, n in zip(columns, counts)]
        counted.append([name, *cells, str(sum(counts))])
    rates = [["technique (%)", *(cell for name in TECHNIQUE_METRICS for cell in (name, "95% interval"))]]
    for technique in ("", *(name for name in matrix["rows"] if f"{TECHNIQUE_METRICS[0]}/{name}" in summary["metrics"])):
        names = [f"{metric}/{technique}" if technique else metric for metric in TECHNIQUE_METRICS]
        cells = [[_percent(summary["metrics"][n], "nan"), interval_text(summary["intervals"][n])] for n in names]
        rates.append([technique or "all", *(cell for pair in cells for cell in pair)])
    description = f"{matrix['n_images']} images, {matrix['n_authentic']} authentic; detections with a score over "
    description += f"{FIXED_THRESHOLD} on regions with an IoU of {matrix['least_iou']} or more"
    return [(f"Regions by technique ({description})", counted), ("How often the technique is right", rates)]


def comparison_text(comparison: Mapping[str, Mapping[str, Any]], names: Sequence[str] = OVERALL) -> str:
    """A paired comparison as text, in percentage points.

    Args:
        comparison: what :func:`.metrics.confidence.compare` returns.
        names: metrics to show; AP and those of techniques follow where they are known.
    """
    rows = [["metric (%)", "A", "B", "B - A", "95% interval", "verdict"]]
    for name in (*names, *(name for name in comparison if name.startswith(("bbox/", "segm/", *TECHNIQUE_METRICS)))):
        if name in comparison:
            entry = comparison[name]
            values = [_percent(entry[key]) for key in ("first", "second")]
            sign = f"{100 * entry['difference']:+.2f}"
            rows.append([name, *values, sign, interval_text(entry["interval"]), verdict(entry)])
    return format_rows(rows)


def verdict(entry: Mapping[str, Any]) -> str:
    """What an entry of :func:`.metrics.confidence.compare` says, in a few words. Says nothing of which is better: of
    ``false_alarm_area`` less is better."""
    if entry["real"] is None:
        return "undefined"
    if not entry["real"]:
        return "no difference shown"
    return "B is higher" if entry["difference"] > 0 else "B is lower"


def interval_text(interval: Sequence[float] | None) -> str:
    """``[70.10, 74.52]`` in per cent, ``nan`` where undefined, empty where there is none."""
    if interval is None:
        return ""
    lower, upper = interval
    return "nan" if lower is None or math.isnan(lower) else f"[{100 * lower:.2f}, {100 * upper:.2f}]"


def comparison_table(summaries: Mapping[str, Mapping[str, Any]], names: Sequence[str] = OVERALL) -> str:
    """Several evaluations of the same images beside each other, in per cent.

    Args:
        summaries: method -> what :func:`.metrics.summary.summarise` returns.
        names: metrics to show.

    Returns:
        A table with a row per method, and the line of counts of the first.
    """
    rows = [["method", *names]]
    for method, summary in summaries.items():
        rows.append([method, *(_percent(summary["metrics"].get(name)) for name in names)])
    return "\n".join([format_rows(rows), *(counts_line(s) for s in list(summaries.values())[:1])])


def counts_line(summary: Mapping[str, Any]) -> str:
    """``n(manipulated) = 3, n(authentic) = 2, n(skipped) = 1 (boxes only: 1)``."""
    counts, skipped = summary["counts"], summary["skipped"]
    reasons = "; ".join(f"{reason}: {number}" for reason, number in skipped.items())
    return (
        f"n(manipulated) = {counts['n_manipulated']}, n(authentic) = {counts['n_authentic']}, "
        f"n(skipped) = {sum(skipped.values())}" + (f" ({reasons})" if reasons else "")
    )


def format_rows(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as aligned text: the first row is the heading, the first column is flush left.

    Args:
        rows: cells; every row has the same number.

    Returns:
        A Markdown table, which reads as well in a terminal.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            lines.append("| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def without_nan(value: Any) -> Any:
    """The same structure with None for NaN, which JSON cannot hold."""
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _percent(value: float | None, missing: str = "") -> str:
    return missing if value is None else f"{100 * value:.2f}"
