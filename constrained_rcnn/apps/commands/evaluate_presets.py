"""Evaluates the baselines on the forgeries of a preset: the nearer to the all-ones map, the harder the preset."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...synthesis.presets import PRESETS
from ..arguments import progress

SHOWN = ("auc", "f1_best", "f1_fixed", "image_auc")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", nargs="+", choices=list(PRESETS), default=list(PRESETS), help="default: all")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", type=Path, metavar="DIR", help="folder of photos, searched recursively")
    source.add_argument("--demo", action="store_true", help="the demo's test photos")
    parser.add_argument("--annotations", type=Path, metavar="JSON", help="COCO instances of the photos")
    parser.add_argument("--count", type=int, default=60, metavar="N", help="forgeries per preset")
    parser.add_argument("--seed", type=int, default=0, help="of the forgeries")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes")


def run(args: argparse.Namespace) -> None:
    from ...evaluation.preset_strength import preset_strength
    from ...evaluation.table import comparison_table
    from ...synthesis import DEFAULT_SIZE, find_photos
    from ...synthesis.demo_photos import load
    from ...synthesis.objects import ObjectAnnotations

    photos = load("test") if args.demo else find_photos(args.images, DEFAULT_SIZE)[0]
    annotations = ObjectAnnotations(args.annotations) if args.annotations else None
    for preset in args.preset:
        summaries = preset_strength(
            photos, preset, args.count, args.seed, annotations=annotations, workers=args.workers,
            progress=progress(leave=False, disable=None),
        )  # fmt: skip
        print(f"== {preset}\n{comparison_table(summaries, SHOWN)}\n", flush=True)
