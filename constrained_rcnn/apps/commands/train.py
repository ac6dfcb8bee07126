"""Trains or evaluates Constrained R-CNN by a config file; follows Detectron2's conventions.

KEY VALUE pairs at the end override config keys, for instance OUTPUT_DIR output/mine.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint in OUTPUT_DIR")
    parser.add_argument("--eval-only", action="store_true", help="evaluate MODEL.WEIGHTS on DATASETS.TEST instead")
    add_processes(parser)


def run(args: argparse.Namespace) -> None:
    if args.num_gpus * args.num_machines == 1:
        return _work(args)
    from detectron2.engine import launch

    return launch(
        _work,
        args.num_gpus,
        num_machines=args.num_machines,
        machine_rank=args.machine_rank,
        dist_url=args.dist_url,
        args=(args,),
    )


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """``--config-file``, required."""
    parser.add_argument("--config-file", required=True, metavar="FILE", help="yaml file, for instance one of configs/")


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Detectron2's options of several processes, and the config keys, which stand last."""
    parser.add_argument("--num-gpus", type=int, default=1, metavar="N", help="GPUs (processes) of a machine; 1: or CPU")
    parser.add_argument("--num-machines", type=int, default=1, metavar="N", help="machines")
    parser.add_argument("--machine-rank", type=int, default=0, metavar="N", help="number of this machine, from 0")
    parser.add_argument("--dist-url", default="auto", metavar="URL", help="where processes meet, tcp://host:port")
    parser.add_argument("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="config keys to override")


def _work(args: argparse.Namespace) -> None:
    from ...engine.train import run as train_or_evaluate

    train_or_evaluate(args)
