#!/usr/bin/env python3
"""Measures how untouched images score and stores the operating points in the checkpoint's metadata."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE")
    parser.add_argument("--photos", nargs="+", default=[], metavar="DIR", help="folders of untouched photos")
    parser.add_argument("--dataset", help="registered name or .json of a prepared split; no test split")
    parser.add_argument("--forgeries", help="validation forgeries: from which margin on a technique is named")
    parser.add_argument(
        "--false-alarm-rate", type=float, default=0.02, help="share of untouched images that may be called manipulated"
    )
    parser.add_argument("--no-variants", action="store_true", help="only the files as they are")
    parser.add_argument("--description", default="", metavar="TEXT", help="what the images are, kept in the checkpoint")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(argv)
    if not args.photos and args.dataset is None:
        parser.error("give --photos or --dataset")
    from tqdm import tqdm

    from constrained_rcnn.config import load_config
    from constrained_rcnn.inference.calibration import calibrate

    points = calibrate(
        load_config(args.config_file, args.opts),
        args.photos,
        args.dataset,
        args.forgeries,
        rate=args.false_alarm_rate,
        variants=not args.no_variants,
        description=args.description,
        progress=lambda files: tqdm(files, unit="image"),
    )
    print(f"copy-moves found in {100 * points.copy_move_rate:.2f}% of the untouched images")
    for name, values in sorted(points.logits.items()):
        print(f"{name}: {len(values)} images, threshold {points.thresholds[name]:.2f} (logit)")
    print(f"a technique is named from a margin of {points.technique_margin:.2f} on")


if __name__ == "__main__":
    sys.exit(main())
