#!/usr/bin/env python3
"""Makes a training set of the crops that the current weights like to call manipulated in untouched photos."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument(
        "--photos", nargs="+", required=True, metavar="DIR", help="folders of untouched training photos"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the set")
    parser.add_argument(
        "--share", type=float, default=0.2, help="share of the photos' forms that is kept (default 0.2)"
    )
    parser.add_argument("--side", type=int, default=384, help="of the crops, pixels, a multiple of 8 (default 384)")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(argv)
    from tqdm import tqdm

    from constrained_rcnn.config import load_config
    from constrained_rcnn.engine.hard_negatives import mine

    cfg = load_config(args.config_file, args.opts)
    found = mine(
        cfg, args.photos, args.output, share=args.share, side=args.side, progress=lambda x: tqdm(x, unit="photo")
    )
    print(f"{found['kept']} of {found['candidates']} kept, the least at a score of {found['least_score']:.3f}")


if __name__ == "__main__":
    sys.exit(main())
