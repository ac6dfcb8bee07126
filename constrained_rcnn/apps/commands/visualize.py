#!/usr/bin/env python3
"""Shows what a data set says: a contact sheet and, if asked, one overlay per image."""

import argparse
import sys
from pathlib import Path

from constrained_rcnn.utils.errors import UserError, command_line
from constrained_rcnn.visualization import dataset_images


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="registered name, or <root>/annotations/<split>.json")
    parser.add_argument("--output", type=Path, required=True, metavar="PNG", help="the contact sheet")
    parser.add_argument("--overlays", type=Path, metavar="DIR", help="also one full-size overlay per image, here")
    parser.add_argument("--count", type=int, default=30, help="so many images, evenly of all techniques (default: 30)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    parser.add_argument(
        "--name", nargs="+", default=[], metavar="TEXT", help="only images with one of these in the path"
    )
    parser.add_argument("--columns", type=int, default=5, help="of the sheet (default: 5)")
    args = parser.parse_args(arguments)
    if args.count < 1 or args.columns < 1:
        raise UserError("--count and --columns: at least 1")
    entries, classes = dataset_images.load(args.dataset)
    if args.name:
        entries = [entry for entry in entries if any(text in entry["file_name"] for text in args.name)]
    entries = dataset_images.choose(entries, args.count, args.seed)
    if not entries:
        raise UserError(f"{args.dataset}: no such images in it")
    files = dataset_images.save_pictures(entries, classes, args.output, args.overlays, args.columns)
    print(f"{len(entries)} images; wrote {files[0]}" + (f" and {len(files) - 1} overlays" if args.overlays else ""))


if __name__ == "__main__":
    sys.exit(main())
