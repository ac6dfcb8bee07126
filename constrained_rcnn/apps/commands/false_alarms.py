"""Counts how often authentic images are called manipulated, by kind of image and by what happened to the file."""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import DATASET, add_opts, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", nargs="+", default=[], metavar="DIR", help="folders of authentic photos")
    parser.add_argument("--dataset", metavar="NAME", help=f"its authentic images, too: {DATASET}")
    parser.add_argument("--no-variants", action="store_true", help="only the files as they are")
    parser.add_argument("--config-file", metavar="FILE", help="default: the package's own config and weights")
    add_opts(parser)


def run(args: argparse.Namespace) -> None:
    if not args.photos and args.dataset is None:
        raise UserError("give --photos or --dataset")
    from ...evaluation.false_alarms import false_alarm_table
    from ...inference.predictor import ManipulationPredictor
    from ...inference.untouched import examine, untouched_files
    from ...model_zoo import load_default_config

    files = untouched_files(args.photos, args.dataset)
    predictor = ManipulationPredictor(load_default_config(args.config_file, args.opts))
    examined = examine(predictor, files, variants=not args.no_variants, progress=progress())
    print(false_alarm_table(list(examined)))
