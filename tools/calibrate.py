#!/usr/bin/env python3
"""Chooses the decision threshold on a validation split and stores it in the checkpoint's metadata."""

import argparse
import sys

from constrained_rcnn.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument("--dataset", required=True, help="registered name or .json of a prepared split; no test split")
    parser.add_argument(
        "--false-alarm-rate", type=float, default=0.1, help="share of authentic images that may be called manipulated"
    )
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(argv)
    from tqdm import tqdm

    from constrained_rcnn.calibration import calibrate
    from constrained_rcnn.config import load_config

    for key, value in calibrate(
        load_config(args.config_file, args.opts), args.dataset, args.false_alarm_rate, lambda x: tqdm(x, unit="image")
    ).items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    sys.exit(main())
