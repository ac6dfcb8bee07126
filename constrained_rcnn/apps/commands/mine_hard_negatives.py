"""Makes a training set of the crops of authentic photos that the current weights like to call manipulated."""

from __future__ import annotations

import argparse

from ..arguments import add_opts, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config-file", required=True, metavar="FILE", help="yaml file of the model")
    parser.add_argument(
        "--photos", nargs="+", required=True, metavar="DIR", help="folders of authentic training photos"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the set")
    parser.add_argument("--share", type=float, default=0.2, metavar="F", help="share of the photos' forms that is kept")
    parser.add_argument(
        "--side", type=int, default=384, metavar="N", help="of the crops, pixels, a multiple of 8 (default: 384)"
    )
    add_opts(parser)


def run(args: argparse.Namespace) -> None:
    from ...config import load_config
    from ...engine.hard_negatives import mine

    cfg = load_config(args.config_file, args.opts)
    counts = mine(cfg, args.photos, args.output, share=args.share, side=args.side, progress=progress("photo"))
    print(f"{counts['kept']} of {counts['candidates']} kept, the least at a score of {counts['least_score']:.3f}")
