"""Measures how authentic images score and stores the operating points in the checkpoint's metadata.

The checkpoint is MODEL.WEIGHTS of the config or of --opts.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import DATASET, add_opts, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config-file", required=True, metavar="FILE", help="yaml file of the model")
    parser.add_argument("--photos", nargs="+", default=[], metavar="DIR", help="folders of authentic photos")
    parser.add_argument("--dataset", metavar="NAME", help=f"its authentic images, too; no test split: {DATASET}")
    parser.add_argument(
        "--forgeries", metavar="NAME", help="validation forgeries: from which margin on a technique is named"
    )
    parser.add_argument(
        "--false-alarm-rate", type=float, default=0.02, metavar="F",
        help="share of authentic images that may be called manipulated",
    )  # fmt: skip
    parser.add_argument("--no-variants", action="store_true", help="only the files as they are")
    parser.add_argument("--description", default="", metavar="TEXT", help="what the images are, kept in the checkpoint")
    add_opts(parser)


def run(args: argparse.Namespace) -> None:
    if not args.photos and args.dataset is None:
        raise UserError("give --photos or --dataset")
    from ...config import load_config
    from ...evaluation.false_alarms import false_alarm_table
    from ...inference.calibration import calibrate

    points, held_out = calibrate(
        load_config(args.config_file, args.opts),
        args.photos,
        args.dataset,
        args.forgeries,
        rate=args.false_alarm_rate,
        variants=not args.no_variants,
        description=args.description,
        progress=progress(),
    )
    print(f"copy-moves found in {100 * points.copy_move_rate:.2f}% of the authentic images")
    for name, values in sorted(points.logits.items()):
        print(f"{name}: {len(values)} images, threshold {points.thresholds[name]:.2f} (logit)")
    print(f"a technique is named from a margin of {points.technique_margin:.2f} on")
    if held_out:
        print("with the points of one half of the files on the other half, as new photos would meet them:")
        print(false_alarm_table(held_out))
