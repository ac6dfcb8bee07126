"""Evaluates manipulation maps in a folder, of this package or of any other tool.

A map has its image's name (with or without the image's suffix) and size: npz with an array "map", npy, or grey
PNG of 8 or 16 bits; 1 or white is manipulated. Needs neither Torch nor Detectron2 for a prepared split.
"""

from __future__ import annotations

import argparse

from ..arguments import add_dataset, print_skipped, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--maps", required=True, metavar="DIR", help="searched recursively")
    parser.add_argument(
        "--ending", default="", metavar="TEXT", help="behind the image's name, for instance _map for a_map.png"
    )
    parser.add_argument("--paper", action="store_true", help="add the means per predicted class (released code)")
    parser.add_argument("--invert-max", action="store_true", help="the better of the map and its inverse (TruFor)")
    parser.add_argument("--gt-border-ignore", action="store_true", help="leave the masks' borders out (TruFor)")
    parser.add_argument("--authentic-as-zero", action="store_true", help="authentic images count as F1 0 (IMDL-BenCo)")
    parser.add_argument(
        "--instances", metavar="JSON", help="also AP and technique accuracy of these, in COCO's result format"
    )
    parser.add_argument("--merge-techniques", action="store_true", help="one class in that file: tampered")
    parser.add_argument("--output", metavar="DIR", help="gets metrics.json and per_image.json")


def run(args: argparse.Namespace) -> int:
    from ...evaluation.metrics.records import MetricVariants
    from ...evaluation.predictions import evaluate_predictions

    variants = MetricVariants(
        invert="max" if args.invert_max else "never",
        gt_border_ignore=args.gt_border_ignore,
        authentic_as_zero=args.authentic_as_zero,
        paper=args.paper,
    )
    text, problems = evaluate_predictions(
        args.dataset, args.maps, ending=args.ending, variants=variants, instances=args.instances,
        merge_techniques=args.merge_techniques, output=args.output, progress=progress(),
    )  # fmt: skip
    print(text)
    return print_skipped(problems)
