"""Trains and evaluates the network with one part left out at a time, and prints the table. Goes on where it stopped."""

from __future__ import annotations

import argparse

from ..arguments import add_opts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config-file", required=True, metavar="FILE", help="the complete network and the schedule")
    parser.add_argument("--datasets", nargs="+", required=True, metavar="NAME", help="validation splits; no test split")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder; each row has its own below it")
    parser.add_argument("--only", nargs="+", default=[], metavar="ROW", help="rows by name (default: all)")
    add_opts(parser, "config keys to override in all rows; stands last")


def run(args: argparse.Namespace) -> None:
    from ...engine.ablations import run_ablations, table

    rows = run_ablations(args.config_file, args.datasets, args.output, names=args.only, options=args.opts)
    print("f1_best / f1_fixed / auc / image_auc [95% interval of f1_best]")
    print(table(rows))
