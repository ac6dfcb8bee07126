#!/usr/bin/env python3
"""Writes a dataset anew with every picture compressed alike, so that no file-level trace tells the kinds apart.

Evaluate it by the path of its new JSON file: DATASETS.TEST "('<output>/annotations/<split>.json',)".
"""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--dataset", required=True, nargs="+", help="names or JSON files of one set's splits")
    parser.add_argument("--output", required=True, metavar="DIR", help="the new root")
    parser.add_argument("--quality", type=int, default=90, help="JPEG quality of every picture")
    args = parser.parse_args(arguments)
    from tqdm import tqdm

    from constrained_rcnn.evaluation.recompression import recompress

    written, problems = recompress(
        args.dataset, args.output, quality=args.quality, progress=lambda x: tqdm(x, unit="image")
    )
    for path in written:
        print(path)
    for line in problems:
        print(f"skipped: {line}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
