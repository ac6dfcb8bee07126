"""Measures how well a data set's files give themselves away without a pixel: tables, sizes, names, metadata.

The verdict is written beside the annotations, where evaluations find it and warn.
"""

from __future__ import annotations

import argparse

from ..arguments import add_dataset, print_skipped, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the cross-validation's folds")


def run(args: argparse.Namespace) -> int:
    from ...evaluation.audit import audit_dataset, audit_table

    result, path = audit_dataset(args.dataset, seed=args.seed, progress=progress("file"))
    print(audit_table(result))
    status = print_skipped(result["skipped"])
    print(f"verdict: {path}")
    return status
