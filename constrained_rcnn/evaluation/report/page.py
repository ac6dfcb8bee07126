"""The evaluation's page; what it says stands in ``visualization/html/templates/evaluation.html``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import __version__
from ...utils.errors import UserError
from ...utils.files import write_bytes_atomic
from ...visualization.html.page import render
from ..table import counts_line, technique_tables
from .cases import choose_cases, find_alarms
from .files import read_json
from .images import ReportImages
from .plots import report_plots
from .tables import coco_rows, metrics_rows, text_rows


def write_page(
    folder: str | os.PathLike,
    dataset_dicts: Sequence[Mapping[str, Any]],
    output: str | os.PathLike | None = None,
    maps: str | os.PathLike | None = None,
    *,
    results: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] | None = None,
) -> Path:
    """Writes the page of an evaluation.

    Args:
        folder: with ``metrics.json`` and ``per_image.json``, and where they are there ``maps/`` or ``previews/``
            and ``coco_instances_results.json`` with ``coco_ground_truth.json``.
        dataset_dicts: the dataset, for images and masks.
        output: of the page; default ``report.html`` in ``folder``.
        maps: of another tool, by image name, instead of those in ``folder``.
        results: what ``metrics.json`` and ``per_image.json`` hold, where it is in memory; else they are read.

    Returns:
        The file.

    Raises:
        UserError: the folder holds no evaluation.
    """
    folder = Path(folder)
    summary, records = results or (read_json(folder / "metrics.json"), read_json(folder / "per_image.json"))
    if not isinstance(summary, dict) or "metrics" not in summary or not isinstance(records, list):
        raise UserError(f"{folder}: holds no evaluation's metrics.json and per_image.json")
    images, alarms = ReportImages(folder, dataset_dicts, maps), find_alarms(records)
    html = render(
        "evaluation.html",
        dataset=summary.get("dataset", ""),
        counts=counts_line(summary),
        warnings=summary.get("warnings", ()),
        metrics=metrics_rows(summary),
        bootstrap=summary.get("bootstrap"),
        coco=coco_rows(summary),
        techniques={title: text_rows(rows) for title, rows in technique_tables(summary)},
        plots=report_plots(records),
        cases={
            title: [_case(r, images) for r in case_records] for title, case_records in choose_cases(records).items()
        },
        alarms=alarms,
        alarm_cases=[_case(record, images, area=area) for record, area in alarms.worst],
        version=__version__,
    )
    path = Path(output) if output is not None else folder / "report.html"
    write_bytes_atomic(path, html.encode())
    return path


def _case(record: Mapping, images: ReportImages, **more: Any) -> dict[str, Any]:
    """What the template shows of an image: its record, name and panels, or why there are none."""
    try:
        panels, problem = images.panels(record), ""
    except UserError as error:
        panels, problem = [], str(error)
    return {**record, "name": images.name(record), "panels": panels, "problem": problem, **more}
