#!/usr/bin/env python3
"""What the baselines score on the forgeries of a preset: the nearer to the all-ones map, the harder it is."""

import argparse
from pathlib import Path

from tqdm import tqdm

from constrained_rcnn.evaluation.preset_strength import preset_strength
from constrained_rcnn.evaluation.table import comparison_table
from constrained_rcnn.synthesis import DEFAULT_SIZE, PRESETS, find_photos
from constrained_rcnn.synthesis.demo_photos import load
from constrained_rcnn.synthesis.objects import ObjectAnnotations
from constrained_rcnn.utils.errors import command_line

SHOWN = ("auc", "f1_best", "f1_fixed", "image_auc")


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", nargs="+", choices=list(PRESETS), default=list(PRESETS))
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", type=Path, help="folder of photos, searched recursively")
    source.add_argument("--demo", action="store_true", help="the demo's test photos")
    parser.add_argument("--annotations", type=Path, metavar="JSON", help="COCO instances of the photos")
    parser.add_argument("--count", type=int, default=60, help="forgeries per preset")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(arguments)
    photos = load("test") if args.demo else find_photos(args.images, DEFAULT_SIZE)[0]
    annotations = ObjectAnnotations(args.annotations) if args.annotations else None
    for preset in args.preset:
        summaries = preset_strength(
            photos, preset, args.count, args.seed, annotations=annotations, workers=args.workers,
            progress=lambda items: tqdm(items, leave=False, disable=None),
        )  # fmt: skip
        print(f"== {preset}\n{comparison_table(summaries, SHOWN)}\n", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
