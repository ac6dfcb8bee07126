#!/usr/bin/env python3
"""Prints how often untouched photos are called manipulated, by kind of image and by what happened to the file."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--photos", nargs="+", default=[], metavar="DIR", help="folders of untouched photos")
    parser.add_argument("--dataset", help="registered name or .json of a prepared split")
    parser.add_argument("--no-variants", action="store_true", help="only the files as they are")
    parser.add_argument("--config-file", metavar="FILE", help="default: the package's own config and weights")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(argv)
    if not args.photos and args.dataset is None:
        parser.error("give --photos or --dataset")
    from tqdm import tqdm

    from constrained_rcnn.evaluation.false_alarms import false_alarm_table
    from constrained_rcnn.inference.predictor import ManipulationPredictor
    from constrained_rcnn.inference.untouched import examine, untouched_files
    from constrained_rcnn.model_zoo import load_default_config

    files = untouched_files(args.photos, args.dataset)
    predictor = ManipulationPredictor(load_default_config(args.config_file, args.opts))
    examined = examine(predictor, files, variants=not args.no_variants, progress=lambda some: tqdm(some, unit="image"))
    print(false_alarm_table(list(examined)))


if __name__ == "__main__":
    sys.exit(main())
