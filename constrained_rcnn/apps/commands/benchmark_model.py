"""Times the R-101 model against stock Mask R-CNN R-101-C4: batch 1, 100 proposals, 8 mask boxes."""

from __future__ import annotations

import argparse

from ..arguments import progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--height", type=int, default=600, help="of the image, pixels")
    parser.add_argument("--width", type=int, default=900, help="of the image, pixels")
    parser.add_argument("--repeats", type=int, default=5, help="counted pairs")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where the models run")


def run(args: argparse.Namespace) -> None:
    from ...benchmarks.model import compare

    results = compare(args.height, args.width, args.repeats, args.device, progress("pair"))
    for step, r in results.items():
        print(
            f"{step}: {r['constrained']:.2f} s against {r['mask_rcnn']:.2f} s (medians); "
            f"ratio {r['ratio']:.3f} (median of pairs; {r['ratio_min']:.3f} to {r['ratio_max']:.3f})"
        )
