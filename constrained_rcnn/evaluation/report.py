"""What is behind an evaluation's table: one HTML file that needs nothing else (no Torch)."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import __version__
from ..images.reading import read_image, read_mask
from ..utils.errors import UserError
from ..utils.files import write_bytes_atomic
from ..visualization.html.plots import Axes
from ..visualization.html.style import STYLE
from ..visualization.overlay import LabelledBox, heat, overlay
from .map_files import map_names, read_map
from .metrics.pixel import FIXED_THRESHOLD
from .metrics.score_curve import GRID, score_curve
from .table import OVERALL, counts_line

#: Cases of each kind, false alarms shown, and the longest side of their pictures in pixels.
CASES, ALARMS, SIDE = 3, 6, 300
#: Boxes below this score are not drawn.
BOX_SCORE = FIXED_THRESHOLD


def write_page(
    folder: str | os.PathLike,
    dataset_dicts: Sequence[Mapping[str, Any]],
    output: str | os.PathLike | None = None,
    maps: str | os.PathLike | None = None,
) -> Path:
    """Writes the page of an evaluation.

    Args:
        folder: with ``metrics.json`` and ``per_image.json``, and where they are there ``maps/`` or ``previews/``
            and ``coco_instances_results.json`` with ``coco_ground_truth.json``.
        dataset_dicts: the dataset, for probes and masks.
        output: of the page; default ``report.html`` in ``folder``.
        maps: of another tool, by image name, instead of those in ``folder``.

    Returns:
        The file.

    Raises:
        UserError: the folder holds no evaluation.
    """
    folder = Path(folder)
    summary, records = _read(folder / "metrics.json"), _read(folder / "per_image.json")
    if not isinstance(summary, dict) or "metrics" not in summary or not isinstance(records, list):
        raise UserError(f"{folder}: holds no evaluation's metrics.json and per_image.json")
    pictures = Pictures(folder, dataset_dicts, maps)
    title = f"{summary.get('dataset', '')}: manipulation detection"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(counts_line(summary))}</p>',
        *(f'<p class="warning"><strong>Warning.</strong> {escape(line)}</p>' for line in summary.get("warnings", ())),
        "<h2>Metrics</h2>", _metrics(summary), _coco(summary), "<h2>Curves</h2>", '<div class="plots">',
        *(plot.svg() for plot in _plots(records)), "</div>", *_cases(records, pictures), *_alarms(records, pictures),
        f'<p class="soft">constrained_rcnn {escape(__version__)}. Per cent unless said otherwise; small figures '
        "are 95% bootstrap intervals. Positive is manipulated.</p>",
    ]  # fmt: skip
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><style>{STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>"
    )
    path = Path(output) if output is not None else folder / "report.html"
    write_bytes_atomic(path, page.encode())
    return path


def choose_cases(records: Sequence[Mapping]) -> dict[str, list[Mapping]]:
    """Best, median and worst manipulated images by ``f1_best``: title -> up to ``CASES`` records, none twice."""
    ranked = [r for r in records if not r["authentic"] and not r["skipped"] and r["pixel"]]
    ranked.sort(key=lambda r: (-r["pixel"]["f1_best"], str(r["image_id"])))
    number = min(CASES, math.ceil(len(ranked) / 3))
    worst = ranked[max(len(ranked) - number, number) :]
    middle = ranked[number : len(ranked) - len(worst)]
    start = max((len(middle) - number) // 2, 0)
    found = {"Best": ranked[:number], "Median": middle[start : start + number], "Worst": worst[::-1]}
    return {title: cases for title, cases in found.items() if cases}


class Pictures:
    """Pictures of an image as data URIs, as far as its files are there."""

    def __init__(self, folder: Path, dataset_dicts: Sequence[Mapping], maps: str | os.PathLike | None = None):
        """
        Args:
            folder, dataset_dicts, maps: see :func:`write_page`.
        """
        self._items = {item["image_id"]: item for item in dataset_dicts}
        self._names = map_names(dataset_dicts)
        self._folder, self._other = folder, {}
        if maps is not None:
            from .map_files import find_maps

            self._other = find_maps(maps, dataset_dicts)
        self._boxes: dict[Any, list] = {}
        results, truth = folder / "coco_instances_results.json", folder / "coco_ground_truth.json"
        if results.is_file() and truth.is_file():
            names = {category["id"]: category["name"] for category in _read(truth)["categories"]}
            for result in _read(results):
                self._boxes.setdefault(result["image_id"], []).append((names.get(result["category_id"], "?"), result))

    def name(self, record: Mapping) -> str:
        """The image's path below the folder that all share: no one's directories in a page that is passed on."""
        return self._names.get(record["image_id"], os.path.basename(record["file_name"]))

    def row(self, record: Mapping) -> str:
        """Probe, truth (of a manipulated image), map, and boxes over the map, as one row; or why not."""
        item = self._items.get(record["image_id"], {"file_name": record["file_name"]})
        try:
            image = read_image(item["file_name"], "BGR")
        except UserError as error:
            reason = str(error).replace(str(item["file_name"]), self.name(record))
            return f'<p class="soft">no picture: {escape(reason)}</p>'
        scale = min(1.0, SIDE / max(image.shape[:2]))
        size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
        probe = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        panels = [("probe", probe)]
        if item.get("mask_file_name"):
            try:
                mask = read_mask(item["mask_file_name"]).astype(np.uint8) * 255
                panels.append(("truth", cv2.resize(mask, size, interpolation=cv2.INTER_AREA)))
            except UserError:
                pass
        score_map = self._map(record["image_id"])
        if score_map is not None:
            score_map = cv2.resize(score_map, size, interpolation=cv2.INTER_AREA)
            drawn = "boxes over the map" if self._boxes else "map over the probe"
            panels += [("map", heat(score_map)), (drawn, self._overlay(record, probe, score_map, scale))]
        figures = "".join(
            f'<figure><img alt="{escape(title)} of {escape(os.path.basename(record["file_name"]))}" '
            f'src="{_data_uri(picture)}"><figcaption>{title}</figcaption></figure>'
            for title, picture in panels
        )
        return f'<div class="row{" two" if len(panels) == 3 else ""}">{figures}</div>'

    def _map(self, image_id) -> np.ndarray | None:
        """(H, W) float32 in [0, 1], or None."""
        name = self._names.get(image_id, "")
        places = [self._folder / "maps" / f"{name}.npz", self._folder / "previews" / f"{name}.png"]
        for path in [self._other[image_id]] if image_id in self._other else places:
            if path.is_file():
                try:
                    array = read_map(path).score_map
                except UserError:
                    continue
                return array.astype(np.float32) / (np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1)
        return None

    def _overlay(self, record: Mapping, probe: np.ndarray, score_map: np.ndarray, scale: float) -> np.ndarray:
        boxes = []
        for technique, result in self._boxes.get(record["image_id"], ()):
            x, y, width, height = (value * scale for value in result["bbox"])
            box = (x, y, x + width, y + height)
            boxes.append(LabelledBox(technique, result["score"], box))
        score = 0.0 if record["score"] is None else record["score"]
        boxes.sort(key=lambda box: -box.score)
        return overlay(probe, score_map, boxes, BOX_SCORE, line=f"score {score:.2f}, boxes above {BOX_SCORE:.2f}")


def _metrics(summary: Mapping) -> str:
    counts, prefix = summary["counts"], "n_manipulated/"
    techniques = [name.removeprefix(prefix) for name in counts if name.startswith(prefix)]
    head = "".join(f"<th>{escape(name)}</th>" for name in ("metric", "all", *techniques))
    names = (*OVERALL, *(n for n in summary["metrics"] if n.startswith("paper_")))
    rows = []
    for name in names:
        cells = (_cell(summary, name + suffix) for suffix in ("", *("/" + t for t in techniques)))
        rows.append(f"<tr><td>{escape(name)}</td>{''.join(cells)}</tr>")
    numbers = (counts["n_manipulated"], *(counts[prefix + t] for t in techniques))
    rows.append("<tr><td>n(manipulated)</td>" + "".join(f"<td>{number}</td>" for number in numbers) + "</tr>")
    note = ""
    if "bootstrap" in summary:
        note = "Intervals: bootstrap over {n_groups} {over}, {resamples} draws.".format(**summary["bootstrap"])
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        f'<p class="soft">{escape(note)} <code>f1_floor</code> is what the all-ones map scores.</p>'
    )


def _cell(summary: Mapping, name: str) -> str:
    if name not in summary["metrics"]:
        return "<td></td>"
    return _value_cell(summary["metrics"][name], summary.get("intervals", {}).get(name))


def _value_cell(value: float | None, interval) -> str:
    if value is None:
        return "<td>undefined</td>"
    text = f"{100 * value:.2f}"
    if interval and interval[0] is not None:
        text += f" <small>[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]</small>"
    return f"<td>{text}</td>"


def _coco(summary: Mapping) -> str:
    tasks = {task: values for task, values in (summary.get("coco") or {}).items() if values}
    if not tasks:
        return ""
    names = list(next(iter(tasks.values())))
    head = "".join(f"<th>{escape(name)}</th>" for name in ("COCO", *names))
    rows = []
    for task, values in tasks.items():
        intervals = (summary.get("coco_intervals") or {}).get(task, {})
        cells = "".join(_value_cell(values.get(name), intervals.get(name)) for name in names)
        rows.append(f"<tr><td>{escape(task)}</td>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _plots(records: Sequence[Mapping]) -> list[Axes]:
    scored = [r for r in records if not r["authentic"] and not r["skipped"] and r["pixel"]]
    decided = [r for r in records if r["score"] is not None]
    scores = np.array([r["score"] for r in decided], np.float64)
    forged = np.array([not r["authentic"] for r in decided], bool)
    roc = Axes("ROC", "false positive rate", "true positive rate")
    recall = Axes("Precision and recall", "recall", "precision")
    roc.line("", (0, 1), (0, 1), "chance")
    curves = [r["curves"] for r in scored if r.get("curves")]
    if curves:
        roc.line("pixels, mean over images", GRID, np.mean([c["roc"] for c in curves], axis=0), "a")
        recall.line("pixels, mean over images", GRID, np.mean([c["pr"] for c in curves], axis=0), "a")
    if forged.any() and not forged.all():
        curve = score_curve(scores, forged)
        found, wrong = np.cumsum(curve.positives), np.cumsum(curve.negatives)
        roc.line("images", [0, *(wrong / wrong[-1])], [0, *(found / found[-1])], "b")
        recall.line("images", found / found[-1], found / (found + wrong), "b")
    edges = np.linspace(0, 1, 21)
    counts = [np.histogram(scores[side], edges)[0] for side in (forged, ~forged)]
    shares = [count / max(count.sum(), 1) for count in counts]
    highest = max(share.max() for share in shares)
    top = next(step for step in (0.2, 0.4, 0.6, 0.8, 1.0) if highest <= step)
    histogram = Axes("Image scores", "score", "share of images", y_range=(0, top))
    for name, share, style in (("manipulated", shares[0], "a"), ("authentic", shares[1], "b")):
        histogram.bars(name, edges, share, style)
    return [roc, recall, histogram, _f1_against_area(scored)]


def _f1_against_area(scored: Sequence[Mapping]) -> Axes:
    """``f1_best`` of each image over its mask's area, and the floor 2a / (1 + a) that needs no detector."""
    axes = Axes("F1 against manipulated area", "share of the image (log)", "f1_best", x_range=(1e-3, 1.0), log_x=True)
    areas = np.logspace(-3, 0, 60)
    axes.line("floor: all-ones map", areas, 2 * areas / (1 + areas), "chance")
    points = []
    for record in scored:
        floor = record["pixel"]["f1_floor"]
        area = floor / (2 - floor)
        name = os.path.basename(record["file_name"])
        points.append(
            (area, record["pixel"]["f1_best"], f"{name}: F1 {record['pixel']['f1_best']:.3f}, area {area:.2%}")
        )
    axes.dots("images", points, "a")
    return axes


def _cases(records: Sequence[Mapping], pictures: Pictures) -> list[str]:
    parts = []
    for title, cases in choose_cases(records).items():
        parts.append(f"<h2>{title} by f1_best</h2>")
        for record in cases:
            pixel = record["pixel"]
            score = "" if record["score"] is None else f", image score {record['score']:.3f}"
            figures = f"f1_best {pixel['f1_best']:.3f}, auc {pixel['auc']:.3f}{score}"
            words = f"{pictures.name(record)}: {record['technique']}, {figures}"
            parts.append(f'<div class="case"><p>{escape(words)}</p>{pictures.row(record)}</div>')
    return parts


def _alarms(records: Sequence[Mapping], pictures: Pictures) -> list[str]:
    """The authentic images that look most manipulated."""
    found = [(_alarm_area(r), r["score"] or 0, r) for r in records if r["authentic"] and r["pixel"]]
    found = [entry for entry in found if entry[0] > 0 or entry[1] > FIXED_THRESHOLD]
    found.sort(key=lambda entry: (-entry[0], -entry[1], str(entry[2]["image_id"])))
    authentic = sum(r["authentic"] for r in records)
    if not authentic:
        return ["<h2>False alarms</h2>", "<p>No authentic image was evaluated.</p>"]
    parts = ["<h2>False alarms on authentic images</h2>", f"<p>{len(found)} of {authentic} authentic images.</p>"]
    for area, score, record in found[:ALARMS]:
        words = f"{pictures.name(record)}: {area:.1%} of the pixels over 0.5, image score {score:.3f}"
        parts.append(f'<div class="case"><p>{escape(words)}</p>{pictures.row(record)}</div>')
    return parts


def _alarm_area(record: Mapping) -> float:
    pixel = record["pixel"]
    return pixel["fp"] / max(pixel["fp"] + pixel["tn"], 1)


def _data_uri(picture: np.ndarray) -> str:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; evaluate first") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
