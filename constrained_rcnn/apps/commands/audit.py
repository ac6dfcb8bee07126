#!/usr/bin/env python3
"""Tells how well a dataset's files give themselves away without a pixel: tables, sizes, names, metadata.

The verdict is written beside the annotations, where evaluations find it and warn.
"""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--dataset", required=True, help="predefined name, or <root>/annotations/<split>.json; a set "
                        "with authentic files")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the cross-validation's folds")
    args = parser.parse_args(arguments)
    from tqdm import tqdm

    from constrained_rcnn.evaluation.audit import audit_dataset, audit_table

    result, path = audit_dataset(args.dataset, seed=args.seed, progress=lambda x: tqdm(x, unit="file"))
    print(audit_table(result))
    for line in result["skipped"]:
        print(f"skipped: {line}")
    print(f"verdict: {path}")
    return 1 if result["skipped"] else 0


if __name__ == "__main__":
    sys.exit(main())
