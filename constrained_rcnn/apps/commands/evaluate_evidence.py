"""Measures how often each witness of the evidence sheet says each word of its scale, and chooses its thresholds.

Thresholds come from the images of --choose-on, rates from those of --report-on, which must be others. A name is a
prepared data set, or a folder of photos that nobody manipulated. Exit status 1 where a witness calls more than 1 in 100
authentic images of a processing class strong.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from ...evidence.names import WITNESS_NAMES
from ...utils.errors import UserError
from ..arguments import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--choose-on", nargs="+", metavar="NAME", help="without it the package's thresholds stay")
    parser.add_argument("--report-on", nargs="+", required=True, metavar="NAME", help="what the rates are measured on")
    parser.add_argument("--limit", type=int, default=150, metavar="N", help="most images of each kind of a set")
    parser.add_argument("--about", default="", metavar="TEXT", help="for the sheet: what was measured on which images")
    parser.add_argument("--output", metavar="JSON", help="write a rates file, as the package's own is one")


def run(args: argparse.Namespace) -> int:
    if args.limit < 1:
        raise UserError("--limit takes 1 and more")
    from ...evaluation import evidence as measuring
    from ...evidence.rates import rates_file
    from ...utils.files import write_json_atomic

    chosen_on, reported_on = (_items(names or [], args.limit) for names in (args.choose_on, args.report_on))
    both = {item["file_name"] for item in chosen_on} & {item["file_name"] for item in reported_on}
    if both:
        raise UserError(f"--report-on: {len(both)} images are in --choose-on, too, {min(both)} for one; name others")
    thresholds = rates_file()["thresholds"]
    if chosen_on:
        authentic = [item for item in chosen_on if item["authentic"]]
        seen = measuring.examine_images(progress(desc="choosing")(authentic), list(thresholds))
        thresholds = {**thresholds, **measuring.choose_thresholds(seen)}
    asked = [name for name in WITNESS_NAMES if name not in measuring.NOT_MEASURED]
    seen = measuring.examine_images(progress(desc="measuring")(reported_on), asked, forge=True)
    rates = measuring.measured_rates(seen, thresholds)
    print(measuring.rates_table(rates))
    if args.output:
        made = {"about": {"text": args.about}, "thresholds": thresholds, "witnesses": rates}
        write_json_atomic(args.output, made, indent=1)
    lines = measuring.too_often_strong(rates)
    for line in lines:
        print(line)
    return int(bool(lines))


def _items(names: list[str], limit: int) -> list[dict]:
    """Dataset dicts of all names, at most ``limit`` authentic and ``limit`` forged images of each."""
    from ...data.lookup import dataset_dicts
    from ...images.folder_listing import list_folder

    found = []
    for name in names:
        if Path(name).is_dir():
            items = [{"file_name": str(path), "authentic": True} for path in list_folder(Path(name)).images]
        else:
            items = dataset_dicts(name)
        random.Random(0).shuffle(items)
        for authentic in (True, False):
            found += [one for one in items if one["authentic"] is authentic][:limit]
    return found
