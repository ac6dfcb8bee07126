"""Measures what an index of an archive finds and costs: against all pairs of a data set, or as it grows.

With --dataset: the pairs that comparing all images of a group finds, and how many of them an index finds. With
--photos: what building, size and asking cost at growing numbers of images, which are made of few photos. Seconds are of
one processor core.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import DATASET, add_figures, positive, progress, write_figures
from ..index.query import CANDIDATES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", metavar="NAME", help=DATASET)
    source.add_argument(
        "--photos", nargs="+", metavar="FILE", help="files, folders, patterns: an index of crops of these"
    )
    parser.add_argument("--candidates", type=positive, default=CANDIDATES, metavar="N", help="as of index query")
    parser.add_argument(
        "--strangers", type=int, default=1000, metavar="N",
        help="with --dataset: pairs of different groups that are compared, too",
    )  # fmt: skip
    parser.add_argument(
        "--groups", type=positive, metavar="N", help="with --dataset: only the first groups, by name (default: all)"
    )
    parser.add_argument(
        "--sizes", type=positive, nargs="+", default=[1000, 10_000, 100_000], metavar="N",
        help="with --photos: numbers of images (default: 1000 10000 100000)",
    )  # fmt: skip
    parser.add_argument("--edits", type=positive, default=4, help="with --photos: edited versions of each photo")
    parser.add_argument("--curve", metavar="SVG", help="with --photos: also draw the curves there")
    add_figures(parser)


def run(args: argparse.Namespace) -> None:
    import cv2

    from ...matching.index import codebook

    codebook.faiss().omp_set_num_threads(1)
    cv2.setNumThreads(1)
    figures = _against_all_pairs(args) if args.dataset else _growth(args)
    write_figures(args.output, figures)


def _against_all_pairs(args: argparse.Namespace) -> dict:
    from ...benchmarks.archive import against_all_pairs
    from ...data.lookup import dataset_dicts

    dicts = dataset_dicts(args.dataset)
    if not all(item.get("group") for item in dicts):
        raise UserError(f"{args.dataset}: its images have no groups; it cannot be told which belong together")
    groups = sorted({str(item["group"]) for item in dicts})[: args.groups]
    found = against_all_pairs(
        [item for item in dicts if str(item["group"]) in groups],
        candidates=args.candidates,
        strangers=args.strangers,
        progress=progress(),
    )
    total = found["images"] * (found["images"] - 1) // 2
    indexed = found["images"] * (found["describe"] + found["add"] + found["ask"])
    asked = indexed + found["images"] * found["candidates_each"] * found["compare"]
    every = found["images"] * found["describe"] + total * found["compare"]
    print(f"{found['images']} images, {found['rows']} keypoints; {found['compared']} of {total} pairs compared, of "
          f"these {found['strangers']} strangers ({found['strangers_sharing']} share something)")  # fmt: skip
    print(f"{found['pairs']} pairs share something; the index finds {found['found']:.4f} of them from either image, "
          f"{found['found_by_one']:.4f} from one")  # fmt: skip
    print("seconds: " + ", ".join(f"{key} {found[key]:.3f}" for key in ("describe", "add", "ask", "compare")))
    print(f"images a second into the index {1 / (found['describe'] + found['add']):.1f}; candidates each "
          f"{found['candidates_each']:.1f}; all images by the index {asked:.0f} s, all pairs {every:.0f} s (reckoned), "
          f"ratio {every / asked:.1f}")  # fmt: skip
    return found


def _growth(args: argparse.Namespace) -> dict:
    from ...benchmarks.archive_growth import growth
    from ...images.reading import read_image
    from ..inputs import find_inputs

    files = find_inputs(args.photos).files
    if not files:
        raise UserError(f"{args.photos[0]}: no image found there; give photos")
    photos = [read_image(file, format="BGR") for file in files]
    rows = []
    print(f"{len(photos)} photos, {args.edits} edits of each; seconds of one core, asking and comparing with "
          f"{args.candidates} candidates a question")  # fmt: skip
    print(f"{'images':>8}{'keypoints':>12}{'MB':>8}{'describe':>10}{'build':>8}{'ask':>8}{'compare':>9}{'sharing':>9}")
    for row in growth(photos, sorted(args.sizes), edits=args.edits, candidates=args.candidates, progress=progress()):
        rows.append(row)
        print(f"{row['images']:>8}{row['rows']:>12}{row['bytes'] / 1e6:>8.0f}{row['describe']:>10.3f}"
              f"{row['build']:>8.0f}{row['ask']:>8.2f}{row['compare']:>9.2f}{row['sharing']:>9.1f}",
              flush=True)  # fmt: skip
        if args.curve:
            _draw(args.curve, rows)
    return {"growth": rows}


def _draw(path: str, rows: list[dict]) -> None:
    from ...utils.files import write_bytes_atomic
    from ...visualization.html.page import render
    from ...visualization.html.plots import Axes

    sizes = [row["images"] for row in rows]
    values = {
        "Building": ("minutes of one core", [(row["build"] + row["describe"] * row["images"]) / 60 for row in rows]),
        "Size": ("gigabytes", [row["bytes"] / 1e9 for row in rows]),
        "Asking for candidates": ("seconds of one core", [row["ask"] for row in rows]),
    }
    plots, ticks = [], [(size, f"{size / 1000:g}k") for size in sizes]
    for title, (label, heights) in values.items():
        across, up = (sizes[0], max(sizes[-1], sizes[0] + 1)), (0, _round_up(max(heights)))
        axes = Axes(title, "images", label, across, up, log_x=True, ticks=ticks)
        axes.line("", sizes, heights, "a")
        axes.scatter("", [(size, height, f"{size}: {height:.2f}") for size, height in zip(sizes, heights)], "a")
        plots.append(axes)
    write_bytes_atomic(path, render("plots.svg", plots=plots).encode())


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten."""
    power = 10.0 ** len(str(int(value))) if value >= 1 else 1.0
    steps = [factor * power / scale for scale in (1000, 100, 10, 1) for factor in (1, 2, 4, 8)]
    return next((step for step in steps if step >= value), value)
