"""Reads lists of images and masks in the formats of other tools, and writes them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from ...preparation.published import PEER_FORMATS
from .options import add_authentic_only, add_common, add_mask_options, add_new_set, mask_options, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    formats = "\n".join(f"  {name:<13}{text}" for name, text in PEER_FORMATS.items())
    parser.epilog = (
        f"formats:\n{formats}\n\nNone of them knows techniques or groups: what is read is filed as tampered, each "
        "image a group of its own."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="import|export")
    reading = actions.add_parser("import", help="prepare what another tool's list names", allow_abbrev=False)
    writing = actions.add_parser("export", help="write a prepared split for another tool", allow_abbrev=False)
    for action in (reading, writing):
        action.add_argument("--format", choices=list(PEER_FORMATS), required=True, help="the other tool's format")
        action.add_argument(
            "--base", type=path, metavar="DIR", help="folder that relative paths in the list start from"
        )
    reading.add_argument(
        "--input", type=path, required=True, metavar="FILE", help="the list, or the folder of Tp and Gt"
    )
    add_new_set(reading)
    add_authentic_only(reading)
    add_mask_options(reading)
    add_common(reading, test_fraction=None)
    writing.add_argument("--split", type=path, required=True, metavar="FILE", help="<root>/annotations/<name>.json")
    writing.add_argument(
        "--output", type=path, required=True, metavar="FILE", help="file to write (imdl-folder: a new folder)"
    )


def run(args: argparse.Namespace) -> int:
    return _export(args) if args.action == "export" else _import(args)


def _export(args: argparse.Namespace) -> int:
    from ...data import annotation_format
    from ...preparation.peer_formats import write_listing

    entries = annotation_format.load(args.split)
    left_out = write_listing(args.format, entries, args.output, args.base)
    print("\n".join([f"wrote {args.output}: {len(entries) - len(left_out)} images", *left_out]))
    return 0


def _import(args: argparse.Namespace) -> int:
    from ...preparation.peer_formats import read_listing
    from .run import outside, prepare_set

    listing = read_listing(args.format, args.input, args.base or Path.cwd())
    root, image_root = outside(args, listing.image_root)
    options = mask_options(args)
    scan, more = partial(listing.scan, options), {"format": args.format}
    return prepare_set(args, args.name, root, image_root, listing.inputs, scan, options, more)
