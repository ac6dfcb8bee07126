"""Shows what the package's weights detect in unseen forgeries made on the spot; behind `make demo`.

With --train, behind `make demo-train`: trains a network from scratch on other forgeries before.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..arguments import add_opts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--train", action="store_true", help="train from scratch, not the package's weights")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="default: output/demo, with --train output/demo-train"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the forgeries and the training")
    parser.add_argument(
        "--photos", type=Path, metavar="DIR", help="forge these photos (default: those of installed packages)"
    )
    add_opts(parser)


def run(args: argparse.Namespace) -> None:
    from detectron2.utils.logger import setup_logger

    if args.train:
        from .training import run as show
    else:
        from .showcase import run as show

    output = args.output or Path("output", "demo-train" if args.train else "demo")
    output.mkdir(parents=True, exist_ok=True)
    for name in ("detectron2", "fvcore", "constrained_rcnn"):
        setup_logger(str(output / "log.txt"), name=name)
    show(output, args.seed, args.photos, args.opts)
