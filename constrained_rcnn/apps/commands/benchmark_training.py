#!/usr/bin/env python3
"""Images per second in training and detection, float32 against bfloat16; random weights and images, no dataset."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--configs", nargs="+", metavar="NAME", help="default: the small and the half-width network")
    parser.add_argument("--images", type=int, default=8, help="in a batch")
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5, help="counted rounds over the precisions")
    parser.add_argument("--profile", action="store_true", help="instead, list what takes longest in a training step")
    args = parser.parse_args(argv)
    if min(args.images, args.repeats) < 1 or min(args.height, args.width) < 64:
        parser.error("--images and --repeats are at least 1, --height and --width at least 64")
    import torch
    from tqdm import tqdm

    from constrained_rcnn.benchmarks.training import CONFIGS, compare, profile
    from constrained_rcnn.modeling.processor import multiplies_bfloat16

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
        for what, rates in compare(config, *size, args.repeats, lambda x: tqdm(x, unit="round", leave=False)).items():
            for precision, r in rates.items():
                print(
                    f"{config}, {what}, {precision}: {r['images_per_second']:.2f} images/s; "
                    f"{r['ratio']:.2f} times float32 (median; {r['ratio_min']:.2f} to {r['ratio_max']:.2f})"
                )


if __name__ == "__main__":
    sys.exit(main())
