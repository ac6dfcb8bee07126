#!/usr/bin/env python3
"""Scores the baselines on a dataset: what a detector has to beat.

Runs without Torch and Detectron2 on a prepared split given as JSON file; a registered name needs them.
"""

import argparse

from tqdm import tqdm

from constrained_rcnn.data.lookup import annotation_file, dataset_dicts
from constrained_rcnn.evaluation.audit import audit_warning
from constrained_rcnn.evaluation.baselines import BASELINES, evaluate_baseline
from constrained_rcnn.evaluation.table import comparison_table, without_nan
from constrained_rcnn.utils.errors import command_line
from constrained_rcnn.utils.files import write_json_atomic


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="registered name, or <root>/annotations/<split>.json")
    parser.add_argument("--baselines", nargs="+", default=list(BASELINES), metavar="NAME", help=", ".join(BASELINES))
    parser.add_argument("--output", metavar="JSON", help="also write the numbers there, as fractions")
    args = parser.parse_args(arguments)
    dicts = dataset_dicts(args.dataset)
    summaries = {
        name: evaluate_baseline(name, dicts, progress=lambda items, name=name: tqdm(items, desc=name))
        for name in args.baselines
    }
    print(comparison_table(summaries))
    warning = audit_warning(annotation_file(args.dataset)[0])
    if warning:
        print(f"WARNING: {warning}")
    if args.output:
        write_json_atomic(args.output, without_nan(summaries), indent=2)


if __name__ == "__main__":
    raise SystemExit(main())
