"""Evaluates the baselines on a data set: what a detector has to beat.

Needs neither Torch nor Detectron2 on a prepared split that is named by its JSON file; a registered name needs them.
"""

from __future__ import annotations

import argparse

from ..arguments import add_dataset, add_figures, progress, write_figures

#: The names in :data:`constrained_rcnn.evaluation.baselines.BASELINES`, whose import takes longer than help may.
NAMES = ("all_ones", "centre_prior", "error_level_analysis", "local_noise_variance")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument(
        "--baselines", nargs="+", default=list(NAMES), metavar="NAME", help=f"default: all, {', '.join(NAMES)}"
    )
    add_figures(parser)


def run(args: argparse.Namespace) -> None:
    from ...data.lookup import annotation_file, dataset_dicts
    from ...evaluation.audit import audit_warning
    from ...evaluation.baselines import evaluate_baseline
    from ...evaluation.table import comparison_table

    dicts = dataset_dicts(args.dataset)
    summaries = {name: evaluate_baseline(name, dicts, progress=progress(desc=name)) for name in args.baselines}
    print(comparison_table(summaries))
    warning = audit_warning(annotation_file(args.dataset)[0])
    if warning:
        print(f"WARNING: {warning}")
    write_figures(args.output, summaries)
