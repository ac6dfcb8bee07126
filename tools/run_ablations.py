#!/usr/bin/env python3
"""Trains and evaluates the network with one part left out at a time, and prints the table. Goes on where it stopped."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE", help="the complete network and the schedule")
    parser.add_argument("--datasets", nargs="+", required=True, metavar="NAME", help="validation splits; no test split")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder; each row has its own below it")
    parser.add_argument("--only", nargs="+", default=[], metavar="ROW", help="rows by name; default: all")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="for all rows")
    args = parser.parse_args(argv)
    from constrained_rcnn.engine.ablations import run_ablations, table

    rows = run_ablations(args.config_file, args.datasets, args.output, names=args.only, options=args.opts)
    print("f1_best / f1_fixed / auc / image_auc [95% interval of f1_best]")
    print(table(rows))


if __name__ == "__main__":
    sys.exit(main())
