#!/usr/bin/env python3
"""Times the R-101 model against stock Mask R-CNN R-101-C4: batch 1, 100 proposals, 8 mask boxes."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--height", type=int, default=600)
    parser.add_argument("--width", type=int, default=900)
    parser.add_argument("--repeats", type=int, default=5, help="counted pairs")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args(argv)
    from tqdm import tqdm

    from constrained_rcnn.benchmarks.model import compare

    results = compare(args.height, args.width, args.repeats, args.device, lambda x: tqdm(x, unit="pair"))
    for step, r in results.items():
        print(
            f"{step}: {r['constrained']:.2f} s against {r['mask_rcnn']:.2f} s (medians); "
            f"ratio {r['ratio']:.3f} (median of pairs; {r['ratio_min']:.3f} to {r['ratio_max']:.3f})"
        )


if __name__ == "__main__":
    sys.exit(main())
