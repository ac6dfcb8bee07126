"""Detects manipulations with the package's weights, without Torch and Detectron2: whether, how, and where.

Writes what `constrained-rcnn detect` writes, with the same results, by the network in the package's ONNX file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ... import __version__
from ...utils.errors import command_line
from ..arguments import HelpFormatter, add_files, add_run, print_any_name
from ..evidence.options import add_sheets, sheets_asked

PROGRAM = "constrained-rcnn-lite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument("--network", metavar="ONNX", help="another network that `constrained-rcnn export` wrote")
    add_run(parser)
    add_sheets(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any input was skipped. After Ctrl-C finished results stay."""
    evidence = sheets_asked(args)
    from ..detect.run import run_network
    from .network import OnnxNetwork

    network = OnnxNetwork.of(args.network)
    return run_network(
        lambda: network, args.input, args.output, resume=args.resume, float_maps=args.float_maps,
        copy_move=network.copy_moves, pages=args.pages, jobs=args.jobs, evidence=evidence,
    )  # fmt: skip


@command_line
def main(argv: Sequence[str] | None = None) -> int:
    """The console script ``constrained-rcnn-lite``; exit statuses as of ``constrained-rcnn``."""
    parser = argparse.ArgumentParser(PROGRAM, description=__doc__, formatter_class=HelpFormatter, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    add_arguments(parser)
    args = parser.parse_args(argv)
    print_any_name()
    return run(args)
