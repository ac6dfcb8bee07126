"""Measures speed and exactness of the pixel metrics against scikit-learn, in one run."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--height", type=int, default=3744, help="pixels (default: 3744, as a NIST16 probe)")
    parser.add_argument("--width", type=int, default=5616, help="pixels")
    parser.add_argument("--repeats", type=int, default=3, help="runs of ours, the fastest counts")


def run(args: argparse.Namespace) -> None:
    from ...benchmarks.metrics import benchmark

    print(f"{args.width}x{args.height}: F1 and AUC of one map, seconds of processor time")
    print(f"{'map':<16}{'ours':>8}{'sklearn':>9}{'ratio':>8}  deviation")
    rows = []
    for row in benchmark(args.height, args.width, args.repeats):
        figures = f"{row['ours']:>8.3f}{row['reference']:>9.2f}{row['ratio']:>8.1f}  {row['deviation']:.1e}"
        print(f"{row['kind']:<16}{figures}", flush=True)
        rows.append(row)
    slowest, worst = min(row["ratio"] for row in rows), max(row["deviation"] for row in rows)
    print(f"smallest ratio {slowest:.1f}, largest deviation {worst:.1e}")
