#!/usr/bin/env python3
"""Trains on forgeries made on the spot and shows what the model finds in unseen images; behind `make demo`."""

import argparse
import sys
from pathlib import Path

from constrained_rcnn.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--output", type=Path, default=Path("output/demo"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0, help="of the forgeries and the training")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="forge these photos instead of the built-in ones")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="config keys")
    args = parser.parse_args(argv)
    from detectron2.utils.logger import setup_logger

    from constrained_rcnn.showcase import run

    args.output.mkdir(parents=True, exist_ok=True)
    for name in ("detectron2", "fvcore", "constrained_rcnn"):
        setup_logger(str(args.output / "log.txt"), name=name)
    run(args.output, args.seed, args.photos, args.opts)


if __name__ == "__main__":
    sys.exit(main())
