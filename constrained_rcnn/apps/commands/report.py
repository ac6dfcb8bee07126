"""Writes the HTML report of an evaluation from its files, without the model.

An evaluation has written it already; this is for maps of other tools, or another place.
"""

from __future__ import annotations

import argparse

from ..arguments import add_dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", required=True, metavar="DIR", help="holds metrics.json and per_image.json")
    add_dataset(parser)
    parser.add_argument("--maps", metavar="DIR", help="of another tool, named like the images")
    parser.add_argument("--output", metavar="HTML", help="default: report.html in --results")


def run(args: argparse.Namespace) -> None:
    from ...data.lookup import dataset_dicts
    from ...evaluation.report import write_page

    print(write_page(args.results, dataset_dicts(args.dataset), args.output, args.maps))
