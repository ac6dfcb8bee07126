"""Counts forgeries per second, JPEG output, by technique, and what a second worker brings."""

from __future__ import annotations

import argparse
import statistics

from ...synthesis.presets import DEFAULT_PRESET, PRESETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset", choices=[name for name in PRESETS if name != "rgbn"], default=DEFAULT_PRESET,
        help="how the forgeries are made",
    )  # fmt: skip
    parser.add_argument("--count", type=int, default=30, help="forgeries per technique and number of workers")
    parser.add_argument("--height", type=int, default=480, help="of the forgeries, pixels")
    parser.add_argument("--width", type=int, default=640, help="of the forgeries, pixels")


def run(args: argparse.Namespace) -> None:
    from ...benchmarks.synthesis import benchmark
    from ...synthesis.scenes import render_scene

    photos = [(str(seed), render_scene(seed, (720, 960))) for seed in range(10)]
    rates = {}
    print(f"{args.width}x{args.height}, preset {args.preset}: forgeries per second")
    print(f"{'technique':<12}{'1 worker':>10}{'2 workers':>11}{'ratio':>8}{'CPU seconds each':>18}")
    size = (args.height, args.width)
    for technique, workers, rate, busy in benchmark(photos, preset=args.preset, count=args.count, size=size):
        rates[technique, workers] = rate
        if workers == 2:
            alone = rates[technique, 1]
            print(f"{technique:<12}{alone:>10.1f}{rate:>11.1f}{rate / alone:>8.2f}{busy:>18.3f}", flush=True)
    techniques = {technique for technique, _ in rates}
    median = statistics.median(rates[technique, 2] for technique in techniques if technique != "removal")
    print(f"median over techniques {statistics.median(rates[t, 2] for t in techniques):.1f}, "
          f"without removal {median:.1f}, removal {rates['removal', 2]:.1f}")  # fmt: skip
