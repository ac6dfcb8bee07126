#!/usr/bin/env python3
"""Times the released 101-layer network against stock Mask R-CNN R-101-C4, and in bfloat16: 100 proposals, batch 1."""

import argparse
import statistics
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--weights", default="", metavar="MODEL.pth", help="converted 101-layer checkpoint of 4 classes"
    )
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="FILE",
        help="pictures: the first is timed, the maps of all are compared; default: 600x900 noise",
    )
    parser.add_argument("--repeats", type=int, default=5, help="counted rounds")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args(argv)
    import torch
    from tqdm import tqdm

    from constrained_rcnn.benchmarks.released import compare
    from constrained_rcnn.images.reading import read_image

    if args.images:
        images = [torch.from_numpy(read_image(name, "BGR").transpose(2, 0, 1).copy()) for name in args.images]
    else:
        generator = torch.Generator().manual_seed(0)
        images = [torch.randint(0, 256, (3, 600, 900), dtype=torch.uint8, generator=generator)]
    r = compare(images, args.repeats, args.device, args.weights, tqdm)
    print(f"float32: {r['released']:.2f} s, Mask R-CNN {r['mask_rcnn']:.2f} s; ratio {r['ratio']:.3f}")
    print(f"bfloat16: {r['bfloat16']:.2f} s; {r['bfloat16_ratio']:.3f} of float32")
    comparisons = {
        "map": "its map",
        "same_boxes": "with float32's boxes",
        "rounded_once": "float32 but for the backbone's last feature, rounded once",
    }
    for name, title in comparisons.items():
        means, worst = r[f"{name}_mean"], max(r[f"{name}_max"])
        within = sum(mean <= 0.02 for mean in means)
        print(
            f"{title}, from float32's: {statistics.median(means):.5f} on average in the median picture, "
            f"{max(means):.5f} in the worst, at most 0.02 in {within} of {len(means)}; {worst:.4f} at most in a pixel"
        )


if __name__ == "__main__":
    sys.exit(main())
