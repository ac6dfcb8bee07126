"""Writes an evidence sheet for each image: what independent witnesses find, where, and how often they are wrong.

Per image <name>_evidence.html, which opens offline, and <name>_evidence.json; of all together evidence.csv with one
column per witness. No network of any kind is used, and nothing is added up to one score.
"""

from __future__ import annotations

import argparse

from ...evidence.names import WITNESS_NAMES
from ...utils.errors import command_line
from ..cli import call
from .options import add_witnesses, asked


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Gives a parser the command's options."""
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="FILE",
        help="files, folders, glob patterns; - reads such a list from standard input",
    )  # fmt: skip
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the sheets")
    add_witnesses(parser, WITNESS_NAMES)


def run(args: argparse.Namespace) -> int:
    """Runs the command. Returns 0; 1 if any input was skipped."""
    from .run import run as examine_files

    options = asked(args, WITNESS_NAMES)
    return examine_files(args.input, args.output, list(options.witnesses), gps=options.gps)


@command_line
def main(argv: list[str] | None = None) -> int:
    """``constrained-rcnn evidence``.

    Args:
        argv: arguments; None: the process's own.

    Returns:
        0; 1 if any input was skipped; 2 for bad input; 130 after Ctrl-C (finished sheets stay).
    """
    return call("evidence", argv)
