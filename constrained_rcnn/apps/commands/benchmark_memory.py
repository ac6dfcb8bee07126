"""Measures the memory of a process that detects in images of ever-new sizes, with the package's weights."""

from __future__ import annotations

import argparse

from ..arguments import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=int, default=1000, help="how many, each of another size")
    parser.add_argument("--sides", type=int, nargs=2, default=(256, 700), help="least and largest side, pixels")
    parser.add_argument("--every", type=int, default=100, help="images between two measurements")


def run(args: argparse.Namespace) -> None:
    from ...benchmarks.memory import ever_new_sizes, memory_over_sizes
    from ...inference.predictor import ManipulationPredictor

    sizes = ever_new_sizes(args.images, tuple(args.sides))
    for memory in memory_over_sizes(ManipulationPredictor(), sizes, args.every, progress("image")):
        print(f"{memory.images} images: {memory.resident} MB resident, {memory.highest} MB at the highest", flush=True)
