"""Finds the images of an index that share something with an image.

The index names candidates; each is then compared with the image as `constrained-rcnn compare` does, and pages, lists
and files of pairs are those of that command. The candidates' files must still be where they were indexed.
"""

from __future__ import annotations

import argparse

from ..arguments import add_files, positive
from .arguments import add_index

CANDIDATES = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_index(parser)
    add_files(parser)
    parser.add_argument(
        "--candidates", type=positive, default=CANDIDATES, metavar="N",
        help="files of the index, the likeliest, that each input is compared with at most",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="do not compare again what is compared already")


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any file was skipped. After Ctrl-C what this run found stays."""
    from .querying import query

    return query(
        args.input, args.index, args.output, candidates=args.candidates, resume=args.resume, pages=args.pages
    )  # fmt: skip
