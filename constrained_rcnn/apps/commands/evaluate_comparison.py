#!/usr/bin/env python3
"""Counts how often comparing pictures finds tampered images' originals and sources, and how well it shows what differs.

The dataset's authentic images are the archive. Runs without Torch and Detectron2 on a prepared split given as JSON
file; a registered name needs them.
"""

import argparse

from tqdm import tqdm

from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.evaluation.image_comparison import comparison_table, evaluate_comparison
from constrained_rcnn.evaluation.table import without_nan
from constrained_rcnn.utils.errors import command_line
from constrained_rcnn.utils.files import write_json_atomic


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="registered name, or <root>/annotations/<split>.json")
    parser.add_argument(
        "--others", type=int, default=20, metavar="N",
        help="authentic images of other groups that each tampered image is compared with (default: 20)",
    )  # fmt: skip
    parser.add_argument("--scale", type=float, default=1.0, help="scale the tampered images by this first")
    parser.add_argument("--quality", type=int, help="then compress them as JPEG with this quality")
    parser.add_argument("--output", metavar="JSON", help="also write the numbers there, as fractions")
    args = parser.parse_args(arguments)
    if not 0.05 <= args.scale <= 20 or args.others < 0 or not 1 <= (args.quality or 1) <= 100:
        parser.error("--scale takes 0.05 to 20, --quality 1 to 100, --others 0 and more")
    results = evaluate_comparison(
        dataset_dicts(args.dataset), others=args.others, scale=args.scale, quality=args.quality,
        progress=lambda items: tqdm(items, unit="image"),
    )  # fmt: skip
    print(comparison_table(results))
    if args.output:
        write_json_atomic(args.output, without_nan(results), indent=2)


if __name__ == "__main__":
    raise SystemExit(main())
