"""Fits the decision head on whole images, the rest of the network as it is, and writes a new checkpoint."""

from __future__ import annotations

import argparse

from ..arguments import DATASET, add_opts, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config-file", required=True, metavar="FILE", help="yaml file of the model")
    parser.add_argument("--datasets", nargs="+", required=True, metavar="NAME", help=f"each {DATASET}")
    parser.add_argument("--output", required=True, metavar="PTH", help="checkpoint to write")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="most images of a data set; 0 (default): all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    add_opts(parser)


def run(args: argparse.Namespace) -> None:
    from ...config import load_config
    from ...engine.decision_training import fit_decision

    cfg = load_config(args.config_file, args.opts)
    figures = fit_decision(cfg, args.datasets, args.output, limit=args.limit, seed=args.seed, progress=progress())
    for name, value in figures.items():
        print(f"{name}: {value}")
