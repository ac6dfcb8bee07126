#!/usr/bin/env python3
"""Measures how often each witness of the evidence sheet says each word of its scale, and chooses its thresholds.

Thresholds come from the images of --choose-on, rates from those of --report-on, which must be others. A name is a
prepared data set, or a folder of photos that nobody manipulated. Exit status 1 where a witness calls more than 1 in 100
authentic images of a processing class strong.
"""

import argparse
import random
from pathlib import Path

from tqdm import tqdm

from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.evaluation.evidence import (
    choose_thresholds,
    examine_images,
    measured_rates,
    rates_table,
    too_often_strong,
)
from constrained_rcnn.evidence.rates import RATES_FILE, rates_file
from constrained_rcnn.evidence.registry import WITNESSES
from constrained_rcnn.images.folder_listing import list_folder
from constrained_rcnn.utils.errors import UserError, command_line
from constrained_rcnn.utils.files import write_json_atomic


def _items(names: list[str], limit: int) -> list[dict]:
    """Dataset dicts of all names, at most ``limit`` authentic and ``limit`` forged images of each."""
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


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose-on", nargs="+", metavar="NAME", help="without it the package's thresholds stay")
    parser.add_argument("--report-on", nargs="+", required=True, metavar="NAME")
    parser.add_argument(
        "--limit", type=int, default=150, metavar="N", help="images of each kind of a set (default: 150)"
    )
    parser.add_argument("--about", default="", help="one sentence for the sheet: what was measured on which images")
    parser.add_argument("--output", metavar="JSON", help=f"write a rates file, as the package's {RATES_FILE.name}")
    args = parser.parse_args(arguments)
    chosen_on, reported_on = (_items(names or [], args.limit) for names in (args.choose_on, args.report_on))
    both = {item["file_name"] for item in chosen_on} & {item["file_name"] for item in reported_on}
    if both:
        raise UserError(
            f"--report-on: {len(both)} images are also in --choose-on, {min(both)} for one; report on others"
        )
    thresholds = rates_file()["thresholds"]
    if chosen_on:
        authentic = [item for item in chosen_on if item["authentic"]]
        seen = examine_images(tqdm(authentic, unit="image", desc="choosing"), list(thresholds))
        thresholds = {**thresholds, **choose_thresholds(seen)}
    rates = measured_rates(
        examine_images(tqdm(reported_on, unit="image", desc="measuring"), list(WITNESSES)), thresholds
    )
    print(rates_table(rates))
    if args.output:
        made = {"about": {"text": args.about}, "thresholds": thresholds, "witnesses": rates}
        write_json_atomic(args.output, made, indent=1)
    lines = too_often_strong(rates)
    print("\n".join(lines))
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
