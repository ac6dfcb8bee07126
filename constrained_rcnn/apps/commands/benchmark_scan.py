"""Measures what Ray costs: `scan` with workers against as many separate processes, in one run.

Images are noise, and the network is the package's, on the CPU or what the config chooses, with one thread a worker.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ..arguments import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=positive, default=40, help="how many")
    parser.add_argument("--size", type=positive, default=256, help="of their sides, pixels")
    parser.add_argument("--workers", type=positive, default=2, help="of both")
    parser.add_argument("--rounds", type=positive, default=2, help="of both, in turn")


def run(args: argparse.Namespace) -> None:
    from ..scan.extra import require

    require("pyarrow", "ray")
    from ..scan.benchmark import benchmark

    print(f"{args.images} images of {args.size} x {args.size}, {args.workers} workers, images a second")
    print(f"{'processes':>10}{'ray':>8}{'ratio':>8}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for row in benchmark(Path(folder), args.images, args.size, args.workers, args.rounds):
            print(f"{row['processes']:>10.3f}{row['ray']:>8.3f}{row['ratio']:>8.2f}", flush=True)
