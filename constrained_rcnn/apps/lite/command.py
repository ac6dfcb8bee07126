"""Detects manipulations with the package's weights, without Torch and Detectron2: whether, how, and where.

Writes what `constrained-rcnn detect` writes, with the same results, by the network in the package's ONNX file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ... import __version__
from ...utils.errors import command_line
from ..arguments import HelpFormatter, add_files, positive, print_any_name
from ..evidence.options import ALL_WITNESSES, add_witnesses, asked

PROGRAM = "constrained-rcnn-lite"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument("--network", metavar="ONNX", help="another network that `constrained-rcnn export` wrote")
    parser.add_argument("--resume", action="store_true", help="leave out images whose results are there already")
    parser.add_argument("--float-maps", action="store_true", help="also write <name>_map.npy, float32")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="worker processes that share the files")
    sheets = parser.add_argument_group("evidence sheets")
    sheets.add_argument("--no-evidence", action="store_true", help="write no sheets, and ask no witness")
    add_witnesses(sheets, ALL_WITNESSES)


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any input was skipped. After Ctrl-C finished results stay."""
    evidence = None if args.no_evidence else asked(args, ALL_WITNESSES)
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
