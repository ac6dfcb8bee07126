"""Builds an index of an archive, in which `constrained-rcnn index query` finds images without comparing all.

A build that was killed, at whatever moment, goes on when it is started again. Files that are in the index and have not
changed are not read again; a file that was moved or copied is recognised by its content.
"""

from __future__ import annotations

import argparse

from ..image_pages import CHOICES, FIRST
from .arguments import add_index, add_input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_index(parser)
    add_input(parser)
    parser.add_argument(
        "--pages", choices=CHOICES, default=FIRST,
        help="of files with several pages or frames: the first one, or each on its own; holds for the index",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any file was skipped."""
    from .building import build

    return build(args.input, args.index, pages=args.pages)
