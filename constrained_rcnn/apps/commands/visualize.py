"""Draws what a data set says: a contact sheet and, if asked, one overlay per image."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...utils.errors import UserError
from ..arguments import add_dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="PNG", help="the contact sheet")
    parser.add_argument("--overlays", type=Path, metavar="DIR", help="also one full-size overlay per image, here")
    parser.add_argument("--count", type=int, default=30, metavar="N", help="so many images, evenly of all techniques")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument(
        "--name", nargs="+", default=[], metavar="TEXT", help="only images with one of these in the path"
    )
    parser.add_argument("--columns", type=int, default=5, metavar="N", help="of the sheet")


def run(args: argparse.Namespace) -> None:
    if args.count < 1 or args.columns < 1:
        raise UserError("--count and --columns: at least 1")
    from ...visualization import dataset_images

    entries, classes = dataset_images.load(args.dataset)
    if args.name:
        entries = [entry for entry in entries if any(text in entry["file_name"] for text in args.name)]
    entries = dataset_images.choose(entries, args.count, args.seed)
    if not entries:
        raise UserError(f"{args.dataset}: no such images in it")
    files = dataset_images.save_images(entries, classes, args.output, args.overlays, args.columns)
    print(f"{len(entries)} images; wrote {files[0]}" + (f" and {len(files) - 1} overlays" if args.overlays else ""))
