"""Compares images with each other: near-duplicates, shared regions, altered regions.

For originals beside their forgeries, a photo used twice, figures of papers. What counts is what they show, not name,
size or format; a version may be turned, mirrored, scaled, cropped, toned and compressed again. Needs no network.
pairs.html shows every pair that has something in common, pairs.csv and pairs.json list them, and pairs/ has images
and masks. `constrained-rcnn detect` finds duplicated regions within one image.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ...utils.errors import command_line
from ..arguments import add_files
from ..cli import call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "--against", nargs="+", metavar="FILE",
        help="likewise: compare every input with these instead of with the other inputs",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="do not compare again what is compared already")


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any input was skipped. After Ctrl-C what this run found stays."""
    from .run import run as compare

    return compare(args.input, args.output, against=args.against, resume=args.resume, pages=args.pages)


@command_line
def main(argv: Sequence[str] | None = None) -> int:
    """The console script ``constrained-rcnn-compare``, which is ``constrained-rcnn compare``."""
    return call("compare", argv)
