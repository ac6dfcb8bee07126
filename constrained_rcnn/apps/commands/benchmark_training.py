"""Counts images per second in training and detection, float32 against bfloat16.

Weights and images are random; no data set is needed.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--configs", nargs="+", metavar="NAME", help="default: the small and the half-width network")
    parser.add_argument("--images", type=int, default=8, help="in a batch")
    parser.add_argument("--height", type=int, default=256, help="of the images, pixels")
    parser.add_argument("--width", type=int, default=256, help="of the images, pixels")
    parser.add_argument("--repeats", type=int, default=5, help="counted rounds over the precisions")
    parser.add_argument("--profile", action="store_true", help="instead, list what takes longest in a training step")


def run(args: argparse.Namespace) -> None:
    if min(args.images, args.repeats) < 1 or min(args.height, args.width) < 64:
        raise UserError("--images and --repeats are at least 1, --height and --width at least 64")
    import torch

    from ...benchmarks.training import CONFIGS, compare, profile
    from ...modeling.processor import multiplies_bfloat16

    size = (args.images, args.height, args.width)
    print(f"batches of {args.images} images of {args.width}x{args.height}, {torch.get_num_threads()} threads")
    if not multiplies_bfloat16():
        print("this processor has no bfloat16 instructions")
    for config in args.configs or CONFIGS:
        if args.profile:
            for bfloat16 in (False, True):
                print(f"{config}, training step in {'bfloat16' if bfloat16 else 'float32'}")
                print(profile(config, *size, bfloat16=bfloat16))
            continue
        for what, rates in compare(config, *size, args.repeats, progress("round", leave=False)).items():
            for precision, r in rates.items():
                print(
                    f"{config}, {what}, {precision}: {r['images_per_second']:.2f} images/s; "
                    f"{r['ratio']:.2f} times float32 (median; {r['ratio_min']:.2f} to {r['ratio_max']:.2f})"
                )
