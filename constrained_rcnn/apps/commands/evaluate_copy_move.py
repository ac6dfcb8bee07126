"""Counts in how many images of a data set duplicated regions are found: in its copy-moves, and in its authentic images.

Needs neither Torch nor Detectron2 on a prepared split that is named by its JSON file; a registered name needs them.
"""

from __future__ import annotations

import argparse

from ..arguments import add_dataset, add_figures, progress, write_figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument(
        "--maps", metavar="DIR",
        help="its images' maps (of an evaluation with TEST.REPEATS False TEST.SAVE_MAPS True): do they tell the copy?",
    )  # fmt: skip
    add_figures(parser)


def run(args: argparse.Namespace) -> None:
    from ...data.lookup import dataset_dicts
    from ...evaluation.copy_move import copy_move_table, evaluate_copy_move

    results = evaluate_copy_move(dataset_dicts(args.dataset), args.maps, progress=progress())
    print(copy_move_table(results))
    write_figures(args.output, results)
