#!/usr/bin/env python3
"""Counts in how many pictures of a dataset regions occur twice: among its copy-moves, and among its authentic images.

Runs without Torch and Detectron2 on a prepared split given as JSON file; a registered name needs them.
"""

import argparse

from tqdm import tqdm

from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.evaluation.copy_move import evaluate_repeats, repeats_table
from constrained_rcnn.evaluation.table import without_nan
from constrained_rcnn.utils.errors import command_line
from constrained_rcnn.utils.files import write_json_atomic


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="registered name, or <root>/annotations/<split>.json")
    parser.add_argument(
        "--maps", metavar="DIR",
        help="its images' maps (of an evaluation with TEST.REPEATS False TEST.SAVE_MAPS True): do they tell the copy?",
    )  # fmt: skip
    parser.add_argument("--output", metavar="JSON", help="also write the numbers there, as fractions")
    args = parser.parse_args(arguments)
    results = evaluate_repeats(dataset_dicts(args.dataset), args.maps, progress=lambda items: tqdm(items, unit="image"))
    print(repeats_table(results))
    if args.output:
        write_json_atomic(args.output, without_nan(results), indent=2)


if __name__ == "__main__":
    raise SystemExit(main())
