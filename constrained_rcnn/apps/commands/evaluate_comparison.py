"""Counts how often image comparison finds the originals and sources of manipulated images, and what differs in them.

The data set's authentic images are the archive. Needs neither Torch nor Detectron2 on a prepared split that is named by
its JSON file; a registered name needs them.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import add_dataset, add_figures, progress, write_figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument(
        "--others", type=int, default=20, metavar="N",
        help="authentic images of other groups that each manipulated image is compared with",
    )  # fmt: skip
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="scale the manipulated images first")
    parser.add_argument("--quality", type=int, metavar="Q", help="then compress them as JPEG with this quality")
    add_figures(parser)


def run(args: argparse.Namespace) -> None:
    if not 0.05 <= args.scale <= 20 or args.others < 0 or not 1 <= (args.quality or 1) <= 100:
        raise UserError("--scale takes 0.05 to 20, --quality 1 to 100, --others 0 and more")
    from ...data.lookup import dataset_dicts
    from ...evaluation.image_comparison import comparison_table, evaluate_comparison

    results = evaluate_comparison(
        dataset_dicts(args.dataset), others=args.others, scale=args.scale, quality=args.quality, progress=progress()
    )
    print(comparison_table(results))
    write_figures(args.output, results)
