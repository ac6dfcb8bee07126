"""Detects manipulations in very many files, by workers on one machine or on a Ray cluster, and writes Parquet.

The folder --output gets results/shard-*.parquet, one row a file, and summary.json. A run that was stopped goes on
where it was: give the same command again, or --output alone.
"""

from __future__ import annotations

import argparse
from functools import partial

from ..arguments import add_opts, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--input", nargs="+", metavar="FILE",
        help="files, folders, glob patterns; - reads such a list from standard input",
    )  # fmt: skip
    files.add_argument(
        "--list", metavar="FILE", help="text file with a path on each line, or Parquet with a column of paths"
    )
    parser.add_argument("--column", metavar="NAME", help="of a Parquet --list (default: path, else file)")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results; goes on if it has some")
    parser.add_argument("--workers", type=positive, default=1, metavar="N", help="processes, a network each")
    parser.add_argument(
        "--threads", type=positive, metavar="N",
        help="of each worker (default: the machine's shared out; 1 with --address)",
    )  # fmt: skip
    parser.add_argument("--shard-files", type=positive, metavar="N", help="files in one shard (default: 100)")
    parser.add_argument("--address", metavar="HOST:PORT", help="of a Ray cluster; left out, the workers run here")
    parser.add_argument("--config-file", metavar="FILE", help="yaml file that the weights were trained with")
    parser.add_argument(
        "--no-copy-move", action="store_true",
        help="no copy-move detection by keypoint matching: faster, and another config",
    )  # fmt: skip
    add_opts(parser, "config keys to override; with --config-file, MODEL.WEIGHTS among them; stands last")


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any file is a bad row or any input leads nowhere. After Ctrl-C finished files stay."""
    from .extra import require

    require("pyarrow", "ray")
    from .cluster import RayWorkers
    from .network import ScanNetwork
    from .run import scan

    options = [*args.opts, "TEST.REPEATS", "False"] if args.no_copy_move else args.opts
    return scan(
        args.output, args.input, args.list, args.column, network=partial(ScanNetwork.load, args.config_file, options),
        copy_move=not args.no_copy_move, shard_files=args.shard_files, threads=args.threads,
        workers=RayWorkers(args.workers, args.address),
    )  # fmt: skip
