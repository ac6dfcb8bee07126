#!/usr/bin/env python3
"""Forgeries per second, JPEG output, by technique, and what a second worker brings."""

import argparse
import statistics

from constrained_rcnn.benchmarks.synthesis import benchmark
from constrained_rcnn.synthesis import DEFAULT_PRESET, PRESETS
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=[p for p in PRESETS if p != "rgbn"], default=DEFAULT_PRESET)
    parser.add_argument("--count", type=int, default=30, help="forgeries per technique and number of workers")
    parser.add_argument("--height", type=int, default=480)
    parser.add_argument("--width", type=int, default=640)
    args = parser.parse_args(arguments)
    photos = [(str(seed), render_scene(seed, (720, 960))) for seed in range(10)]
    rates = {}
    print(f"{args.width}x{args.height}, preset {args.preset}: forgeries per second")
    print(f"{'technique':<12}{'1 worker':>10}{'2 workers':>11}{'ratio':>8}{'CPU seconds each':>18}")
    for technique, workers, rate, busy in benchmark(
        photos, preset=args.preset, count=args.count, size=(args.height, args.width)
    ):
        rates[technique, workers] = rate
        if workers == 2:
            one = rates[technique, 1]
            print(f"{technique:<12}{one:>10.1f}{rate:>11.1f}{rate / one:>8.2f}{busy:>18.3f}", flush=True)
    techniques = {technique for technique, _ in rates}
    median = statistics.median(rates[technique, 2] for technique in techniques if technique != "removal")
    print(f"median over techniques {statistics.median(rates[t, 2] for t in techniques):.1f}, "
          f"without removal {median:.1f}, removal {rates['removal', 2]:.1f}")  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
