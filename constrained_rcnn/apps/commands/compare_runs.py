"""Tests whether two runs over the same images differ: paired bootstrap over images or source groups.

A and B are folders that evaluations have written, or the per_image.json in each; nothing is computed again.
"""

from __future__ import annotations

import argparse

from ..arguments import add_figures, write_figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="OUTPUT_DIR/inference/<dataset> of one evaluation")
    parser.add_argument("second", metavar="B", help="of the other")
    add_figures(parser)


def run(args: argparse.Namespace) -> None:
    from ...evaluation.compare_runs import compare_files
    from ...evaluation.table import comparison_text

    comparison, about = compare_files(args.first, args.second)
    print(comparison_text(comparison))
    print(about)
    write_figures(args.output, comparison)
