#!/usr/bin/env python3
"""Scores manipulation maps that stand on the disk, of this package or of any other tool.

A map has its image's name (with or without the image's suffix) and size: npz with an array "map", npy, or grey
PNG of 8 or 16 bits; 1 or white is manipulated. Needs neither Torch nor Detectron2 for a prepared split.
"""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--dataset", required=True, help="registered name, or <root>/annotations/<split>.json")
    parser.add_argument("--maps", required=True, metavar="DIR", help="searched recursively")
    parser.add_argument("--ending", default="", help="behind the image's name, for instance _map for a_map.png")
    parser.add_argument("--paper", action="store_true", help="add the means per predicted class (released code)")
    parser.add_argument("--invert-max", action="store_true", help="the better of the map and its inverse (TruFor)")
    parser.add_argument("--gt-border-ignore", action="store_true", help="leave the masks' borders out (TruFor)")
    parser.add_argument("--authentic-as-zero", action="store_true", help="authentic images count as F1 0 (IMDL-BenCo)")
    parser.add_argument("--instances", metavar="JSON", help="also COCO AP of these, in COCO's result format")
    parser.add_argument("--merge-techniques", action="store_true", help="one class in that file: tampered")
    parser.add_argument("--output", metavar="DIR", help="gets metrics.json and per_image.json")
    args = parser.parse_args(arguments)
    from tqdm import tqdm

    from constrained_rcnn.evaluation.metrics.records import MetricVariants
    from constrained_rcnn.evaluation.predictions import evaluate_predictions

    variants = MetricVariants(
        invert="max" if args.invert_max else "never",
        gt_border_ignore=args.gt_border_ignore,
        authentic_as_zero=args.authentic_as_zero,
        paper=args.paper,
    )
    text, problems = evaluate_predictions(
        args.dataset, args.maps, ending=args.ending, variants=variants, instances=args.instances,
        merge_techniques=args.merge_techniques, output=args.output, progress=lambda x: tqdm(x, unit="image"),
    )  # fmt: skip
    print(text)
    for line in problems:
        print(f"skipped: {line}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
