"""Writes a data set again with every image compressed alike, so that no file-level trace tells the kinds apart.

Evaluate it by the path of its new JSON file: DATASETS.TEST "('<output>/annotations/<split>.json',)".
"""

from __future__ import annotations

import argparse

from ..arguments import print_skipped, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset", required=True, nargs="+", metavar="NAME", help="names or JSON files of one data set's splits"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="the new root")
    parser.add_argument("--quality", type=int, default=90, metavar="Q", help="JPEG quality of every image")


def run(args: argparse.Namespace) -> int:
    from ...evaluation.recompression import recompress

    written, problems = recompress(args.dataset, args.output, quality=args.quality, progress=progress())
    for path in written:
        print(path)
    return print_skipped(problems)
