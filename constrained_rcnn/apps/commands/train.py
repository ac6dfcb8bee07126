#!/usr/bin/env python3
"""Trains or evaluates Constrained R-CNN by a config file; Detectron2's own conventions."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


def parse(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE", help="yaml file, for instance one of configs/")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint in OUTPUT_DIR")
    parser.add_argument("--eval-only", action="store_true", help="evaluate MODEL.WEIGHTS on DATASETS.TEST")
    parser.add_argument("--num-gpus", type=int, default=1, help="GPUs (processes) per machine; 1 also runs on a CPU")
    parser.add_argument("--num-machines", type=int, default=1)
    parser.add_argument("--machine-rank", type=int, default=0)
    parser.add_argument("--dist-url", default="auto", help="where the processes meet, tcp://host:port")
    parser.add_argument("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="config keys to override")
    return parser.parse_args(argv)


def main(args):
    from constrained_rcnn.engine.train import run

    run(args)


@command_line
def launch(argv=None):
    args = parse(argv)
    if args.num_gpus * args.num_machines == 1:
        return main(args)
    from detectron2.engine import launch as launch_processes

    launch_processes(
        main,
        args.num_gpus,
        num_machines=args.num_machines,
        machine_rank=args.machine_rank,
        dist_url=args.dist_url,
        args=(args,),
    )


if __name__ == "__main__":
    sys.exit(launch())
