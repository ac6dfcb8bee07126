"""The command line of the generator."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from ...errors import UserError, command_line
from ..techniques import TECHNIQUES
from .generate import DEFAULT_SIZE
from .photos import find_photos, split_photos
from .presets import DEFAULT_PRESET, PRESETS
from .writer import write_forgeries


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give height x width in pixels, e.g. 480x640") from None
    if min(height, width) < 64:
        raise argparse.ArgumentTypeError(f"{text!r}: at least 64 pixels a side")
    return height, width


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: give a share between 0 and 1")
    return value


def parser() -> argparse.ArgumentParser:
    """The arguments of ``tools/synthesize.py``."""
    made = argparse.ArgumentParser(description="Forged images from ordinary photos, in the internal form.")
    source = made.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", type=Path, help="folder of photos, searched recursively")
    source.add_argument("--demo", action="store_true", help="the demo's photos: their own train and test")
    made.add_argument("--output", type=Path, required=True, help="folder to write the set to")
    made.add_argument("--count", type=int, required=True, help="forgeries (of all splits together)")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--technique", choices=TECHNIQUES, nargs="+", default=list(TECHNIQUES))
    made.add_argument("--preset", choices=list(PRESETS), default=DEFAULT_PRESET)
    made.add_argument("--size", type=_size, default=DEFAULT_SIZE, metavar="HxW", help="default 256x320")
    made.add_argument("--split", default="train", help="name of the set (one split)")
    made.add_argument(
        "--test-fraction", type=_share, default=0.0, help="make a split test, too, from this share of photos"
    )
    made.add_argument("--authentic", type=_share, default=1.0, help="share of authentic counterparts written")
    made.add_argument("--workers", type=int, default=2)
    return made


@command_line
def main(argv: list[str] | None = None) -> int:
    """Makes the splits asked for and says what was written.

    Args:
        argv: arguments; None: the process's own.
    """
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    skipped = []
    if args.demo:
        from .. import demo_photos

        sides = {"train": demo_photos.load("train"), "test": demo_photos.load("test")}
        fraction = args.test_fraction or 0.2
    else:
        photos, skipped = find_photos(args.images, args.size, [args.output])
        fraction = args.test_fraction
        if fraction and args.split == "test":
            raise UserError("--split test and --test-fraction name one split twice: leave --split out")
        train, test = split_photos(photos, fraction, args.seed) if fraction else (photos, [])
        sides = {args.split: train, "test": test} if test else {args.split: train}
    tests = round(args.count * fraction) if len(sides) > 1 else 0
    counts = {name: tests if name == "test" and len(sides) > 1 else args.count - tests for name in sides}
    for name, photos in sides.items():
        if not counts[name]:
            raise UserError(f"--count {args.count} leaves no forgery for split {name}: raise it")
        done = write_forgeries(
            photos, args.output, name, counts[name], args.seed, preset=args.preset, techniques=args.technique,
            size=args.size, authentic=args.authentic, workers=args.workers,
        )
        skipped += done["skipped"]
        state = "was complete" if done["unchanged"] else "written"
        said = f"{done['forged']} forged and {done['authentic']} authentic images"
        print(f"{done['json_file']}: {state}, {said}")
    if skipped:
        print(f"{len(skipped)} photos left out:")
        print("\n".join(f"  {line}" for line in skipped))
    return 0
