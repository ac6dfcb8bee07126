#!/usr/bin/env python3
"""Shows what the package's weights find in unseen forgeries made on the spot; behind `make demo`.

With --train, behind `make demo-train`: trains a network from scratch on other forgeries before.
"""

import argparse
import sys
from pathlib import Path

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--train", action="store_true", help="train from scratch, not the package's weights")
    parser.add_argument("--output", type=Path, metavar="DIR", help="output/demo, with --train output/demo-train")
    parser.add_argument("--seed", type=int, default=0, help="of the forgeries and the training")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="forge these photos instead of the built-in ones")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="config keys")
    args = parser.parse_args(argv)
    from detectron2.utils.logger import setup_logger

    if args.train:
        from constrained_rcnn.apps.demo.training import run
    else:
        from constrained_rcnn.apps.demo.showcase import run

    output = args.output or Path("output", "demo-train" if args.train else "demo")
    output.mkdir(parents=True, exist_ok=True)
    for name in ("detectron2", "fvcore", "constrained_rcnn"):
        setup_logger(str(output / "log.txt"), name=name)
    run(output, args.seed, args.photos, args.opts)


if __name__ == "__main__":
    sys.exit(main())
