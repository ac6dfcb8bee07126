"""Measures how often each witness of the evidence sheet says each word of its scale, and chooses its thresholds.

Thresholds come from the images of --choose-on, rates from those of --report-on, which must be others. A name is a
prepared data set, or a folder of photos that nobody manipulated. Of every untouched image files of each processing
class are made: as it is, saved once more, as social media save it, reduced, as a screenshot. A run that was stopped
goes on where it was when it is started again with the same --output. Exit status 1 where a witness calls more than 1 in
100 untouched images of a class strong; the rates file then says that it is not to be heard there.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from pathlib import Path

from ...evidence.names import WITNESS_NAMES
from ...utils.errors import UserError
from ..arguments import positive, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--choose-on", nargs="+", metavar="NAME", help="without it the package's thresholds stay")
    parser.add_argument("--report-on", nargs="+", required=True, metavar="NAME", help="what the rates are measured on")
    parser.add_argument(
        "--camera", nargs="+", default=[], metavar="NAME",
        help="which of these names hold photos as cameras saved them; the others' count as published",
    )  # fmt: skip
    parser.add_argument("--limit", type=positive, default=150, metavar="N", help="most images of each kind of a set")
    parser.add_argument(
        "--forge", type=int, default=60, metavar="N", help="untouched images that forgeries are made of as well"
    )
    parser.add_argument(
        "--witnesses", nargs="+", choices=WITNESS_NAMES, metavar="NAME",
        help="measure these only; the others' rates are taken over from the package's file",
    )  # fmt: skip
    parser.add_argument("--about", default="", metavar="TEXT", help="for the sheet: what was measured on which images")
    parser.add_argument("--output", metavar="JSON", help="write a rates file, as the package's own is one")


def run(args: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from ...evaluation import evidence as examining
    from ...evaluation import evidence_rates as measuring
    from ...evidence.rates import rates_file
    from ...utils.files import write_json_atomic
    from ...utils.journal import Journal

    chosen_on, reported_on = (
        _items(names or [], args.limit, args.camera) for names in (args.choose_on, args.report_on)
    )
    both = {item["file_name"] for item in chosen_on} & {item["file_name"] for item in reported_on}
    if both:
        raise UserError(f"--report-on: {len(both)} images are in --choose-on, too, {min(both)} for one; name others")
    if args.forge < 0:
        raise UserError("--forge takes 0 and more")
    asked = [name for name in args.witnesses or WITNESS_NAMES if name not in examining.NOT_MEASURED]
    before = rates_file()
    thresholds, left_out = dict(before["thresholds"]), {}
    path = Path(f"{args.output}.journal") if args.output else None
    with Journal(path, examining.FINGERPRINT) if path else nullcontext() as journal:
        if chosen_on:
            authentic = [item for item in chosen_on if item["authentic"]]
            numbered = [name for name in asked if name in WITH_NUMBERS]
            seen = examining.examine_images(progress(desc="choosing")(authentic), numbered, journal=journal).seen
            chosen, left_out = measuring.choose_thresholds(seen)
            thresholds.update(chosen)
        found = examining.examine_images(
            progress(desc="measuring")(_mixed(reported_on)), asked, forge=args.forge, journal=journal
        )
    rates = measuring.measured_rates(found.seen, thresholds)
    classes = measuring.recognition(found.classes)
    refused = measuring.refused(rates, left_out)
    print(measuring.rates_table(rates))
    print(measuring.recognition_table(classes))
    if args.output:
        others = {name: one for name, one in before["witnesses"].items() if name not in rates}
        earlier = {name: kinds for name, kinds in before.get("refused", {}).items() if name in others}
        witnesses = {**others, **rates}
        made = {
            "about": {"text": args.about, "chosen_on": args.choose_on or [], "reported_on": args.report_on},
            "thresholds": thresholds,
            "refused": {**earlier, **refused},
            "classes": classes,
            "witnesses": {name: witnesses[name] for name in WITNESS_NAMES if name in witnesses},
        }
        write_json_atomic(args.output, made, indent=1)
    for name, kinds in refused.items():
        print(f"{name}: not heard of untouched images of the class {', '.join(kinds)}")
    return int(bool(refused))


#: Witnesses whose words come from a number and its thresholds.
WITH_NUMBERS = ("double_jpeg", "block_grid", "jpeg_ghosts", "error_levels", "noise")


def _mixed(items: list[dict]) -> list[dict]:
    """An order by name's digest, so that forgeries are made of photos of every set, and mostly of the same with another
    --limit."""
    return sorted(items, key=lambda item: hashlib.sha256(Path(item["file_name"]).name.encode()).digest())


def _items(names: list[str], limit: int, camera: list[str]) -> list[dict]:
    """Dataset dicts of all names, at most ``limit`` authentic and ``limit`` forged images of each."""
    from ...data.lookup import dataset_dicts
    from ...images.folder_listing import list_folder

    found = []
    for name in names:
        if Path(name).is_dir():
            items = [{"file_name": str(path), "authentic": True} for path in list_folder(Path(name)).images]
        else:
            items = [{**item, "kind": f"forged: {name}"} for item in dataset_dicts(name)]
        items = [{**item, "camera": name in camera} for item in items]
        random.Random(0).shuffle(items)
        for authentic in (True, False):
            found += [one for one in items if one["authentic"] is authentic][:limit]
    return found
