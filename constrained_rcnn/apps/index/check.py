"""Checks every byte of an index, and tells what is in it and which files could not be indexed."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import add_index


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_index(parser)
    parser.add_argument(
        "--forget", action="store_true",
        help="take the images of damaged segments out of the index; `index add` then reads them again",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any segment is damaged and stays."""
    from ...matching.index import segments
    from ...matching.index.manifest import Manifest
    from ...utils.files import printable
    from ...utils.output_folder import output_folder

    folder = Path(args.index)
    with Manifest(folder) as manifest, output_folder(folder, "--index"):
        damaged = [record for record in manifest.segments() if not segments.check(folder, record)]
        for record in damaged:
            print(f"damaged: {printable(folder / record.file)}: {record.images} images")
            if args.forget:
                manifest.forget(record)
        for place in manifest.skipped():
            print(f"skipped: {printable(place.path)}{f', page {place.page}' if place.page else ''}: {place.reason}")
        counts, number = manifest.counts(), len(manifest.segments())
        forgotten = ", forgotten" if damaged and args.forget else ""
        print(f"{counts['images']} images of {counts['files']} files in {number} segments, {counts['skipped']} files "
              f"skipped; {len(damaged)} segments damaged{forgotten}")  # fmt: skip
    return 1 if damaged and not args.forget else 0
