#!/usr/bin/env python3
"""Fits the decision head on whole images, the rest of the network as it is, and writes a new checkpoint."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument("--datasets", nargs="+", required=True, metavar="NAME", help="registered names or .json files")
    parser.add_argument("--output", required=True, metavar="PTH")
    parser.add_argument("--limit", type=int, default=0, help="most images of a dataset; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(argv)
    from tqdm import tqdm

    from constrained_rcnn.config import load_config
    from constrained_rcnn.engine.decision_training import fit_decision

    cfg = load_config(args.config_file, args.opts)
    found = fit_decision(
        cfg, args.datasets, args.output, limit=args.limit, seed=args.seed, progress=lambda x: tqdm(x, unit="image")
    )
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    sys.exit(main())
