"""Makes forgeries (splice, copy-move, removal) with complete masks from ordinary photos, in the annotation format."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from ..data.techniques import TECHNIQUES
from ..synthesis.presets import DEFAULT_PRESET, DEFAULT_SIZE, PRESETS, get_preset
from ..utils.errors import UserError

#: Lines about photos and objects left out that are printed at most.
SHOWN = 40
#: Least (height, width) in pixels of twice a photo where forgeries keep their background's size.
SMALL = (128, 128)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", type=Path, nargs="+", metavar="DIR", help="folders of photos, searched recursively")
    source.add_argument("--demo", action="store_true", help="the demo's photos: their own train and test")
    parser.add_argument(
        "--annotations", type=Path, nargs="+", metavar="JSON",
        help="COCO instances of the photos: regions come from them",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write the set to")
    parser.add_argument("--count", type=int, required=True, metavar="N", help="forgeries (of all splits together)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same bytes")
    parser.add_argument("--technique", choices=TECHNIQUES, nargs="+", help="default: all (preset rgbn: splice)")
    parser.add_argument("--preset", choices=list(PRESETS), default=DEFAULT_PRESET, help="how forgeries are made")
    parser.add_argument(
        "--size", type=_size, nargs="+", default=[DEFAULT_SIZE], metavar="HxW",
        help="one size or several, drawn evenly; default 256x320 (preset rgbn: every background's own; preset people: "
        "that of a smaller background)",
    )  # fmt: skip
    parser.add_argument("--split", default="train", metavar="NAME", help="name of the set (one split)")
    parser.add_argument(
        "--test-fraction", type=_share, default=0.0, metavar="F",
        help="make a split test, too, from this share of photos",
    )  # fmt: skip
    parser.add_argument("--authentic", type=_share, default=1.0, metavar="F", help="share of authentic images written")
    parser.add_argument(
        "--hard-authentic", type=_share, default=0.0, metavar="F",
        help="also so many authentic images for each forgery that look suspicious (preset people)",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes")
    parser.add_argument("--contact-sheet", type=Path, metavar="FILE", help="also draw a sheet of each technique")
    parser.add_argument(
        "--rgbn-lists", type=Path, metavar="DIR", help="also write the set as RGB-N's text lists and file names"
    )


def run(args: argparse.Namespace) -> int:
    """Makes the splits asked for and says what was written."""
    from ..synthesis.contact_sheet import contact_sheets
    from ..synthesis.objects import ObjectAnnotations
    from ..synthesis.photos import find_in_folders, split_photos
    from ..synthesis.rgbn_lists import write_lists
    from ..synthesis.writer import write_forgeries

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = get_preset(args.preset).recipe
    techniques = args.technique or (["splice"] if recipe == "rgbn" else list(TECHNIQUES))
    if recipe == "rgbn" and techniques != ["splice"]:
        raise UserError(f"preset {args.preset} makes splices only: leave --technique out")
    annotations = ObjectAnnotations(*args.annotations) if args.annotations else None
    skipped, files = [], {}
    if args.demo:
        from ..synthesis import demo_photos

        sides = {"train": demo_photos.load("train"), "test": demo_photos.load("test")}
        fraction = args.test_fraction or 0.2
    else:
        least = SMALL if recipe == "rgbn" else tuple(map(min, zip(*args.size)))
        photos, skipped = find_in_folders(args.images, least, [args.output])
        fraction = args.test_fraction
        if fraction and args.split == "test":
            raise UserError("--split test and --test-fraction name one split twice: leave --split out")
        train, test = split_photos(photos, fraction, args.seed) if fraction else (photos, [])
        sides = {args.split: train, "test": test} if test else {args.split: train}
    tests = round(args.count * fraction) if len(sides) > 1 else 0
    counts = {name: tests if name == "test" and len(sides) > 1 else args.count - tests for name in sides}
    if annotations:
        skipped += annotations.missing([name for photos in sides.values() for name, _ in photos])
    for name, photos in sides.items():
        if not counts[name]:
            raise UserError(f"--count {args.count} leaves no forgery for split {name}: raise it")
        done = write_forgeries(
            photos,
            args.output,
            name,
            counts[name],
            args.seed,
            preset=args.preset,
            techniques=techniques,
            size=args.size,
            authentic=args.authentic,
            workers=args.workers,
            annotations=annotations,
            hard_authentic=args.hard_authentic,
        )
        skipped += done["skipped"]
        files[name] = done["json_file"]
        state = "was complete" if done["unchanged"] else "written"
        said = f"{done['forged']} forged and {done['authentic']} authentic images"
        print(f"{done['json_file']}: {state}, {said}")
    if args.rgbn_lists:
        for path in write_lists(files, args.rgbn_lists, annotations):
            print(f"{path}: written")
    if args.contact_sheet:
        for path in contact_sheets(list(files.values()), args.contact_sheet):
            print(f"{path}: written")
    if skipped:
        print(f"{len(skipped)} photos or objects left out:")
        print("\n".join(f"  {line}" for line in skipped[:SHOWN]))
        if len(skipped) > SHOWN:
            print(f"  and {len(skipped) - SHOWN} more")
    return 0


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
