"""Evaluates a checkpoint or a baseline on compressed, noisy, blurred and resized images.

Writes robustness.md, robustness.json and robustness.html into --output. The same call again goes on where an
interrupted one stopped.
"""

from __future__ import annotations

import argparse

from ..arguments import add_dataset, add_opts, progress

PROTOCOLS = "jpeg, gaussian_noise, gaussian_blur, resize, noise, blur, social; or one point: jpeg-75"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config-file", metavar="FILE", help="of the model; its checkpoint by --opts MODEL.WEIGHTS FILE")
    what.add_argument("--baseline", metavar="NAME", help="instead of a model, for instance error_level_analysis")
    parser.add_argument("--protocols", nargs="+", default=[], metavar="NAME", help=f"default: all, {PROTOCOLS}")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    add_opts(parser)


def run(args: argparse.Namespace) -> None:
    from ...engine.robustness import run as evaluate_protocols
    from ...evaluation.robustness import robustness_table

    summaries = evaluate_protocols(
        args.dataset, args.output, config_file=args.config_file, options=args.opts, baseline=args.baseline,
        protocols=args.protocols, seed=args.seed, progress=progress(),
    )  # fmt: skip
    print(robustness_table(summaries))
    print(f"table, JSON and page with curves: {args.output}/robustness.md, .json, .html")
