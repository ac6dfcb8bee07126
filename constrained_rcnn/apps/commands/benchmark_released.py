"""Times the released 101-layer network against stock Mask R-CNN R-101-C4, and in bfloat16: 100 proposals, batch 1."""

from __future__ import annotations

import argparse
import statistics

#: Comparison of :func:`constrained_rcnn.benchmarks.released.compare` -> what it is called.
COMPARISONS = {
    "map": "its map",
    "same_boxes": "with float32's boxes",
    "rounded_once": "float32 but for the backbone's last feature, rounded once",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", default="", metavar="MODEL.pth",
        help="converted 101-layer checkpoint of 4 classes (default: random weights)",
    )  # fmt: skip
    parser.add_argument(
        "--images", nargs="+", metavar="FILE",
        help="the first is timed, the maps of all are compared (default: 600x900 noise)",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, help="counted rounds")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where the networks run")


def run(args: argparse.Namespace) -> None:
    import torch
    from tqdm import tqdm

    from ...benchmarks.released import compare
    from ...images.reading import read_image

    if args.images:
        images = [torch.from_numpy(read_image(name, "BGR").transpose(2, 0, 1).copy()) for name in args.images]
    else:
        generator = torch.Generator().manual_seed(0)
        images = [torch.randint(0, 256, (3, 600, 900), dtype=torch.uint8, generator=generator)]
    r = compare(images, args.repeats, args.device, args.weights, tqdm)
    print(f"float32: {r['released']:.2f} s, Mask R-CNN {r['mask_rcnn']:.2f} s; ratio {r['ratio']:.3f}")
    print(f"bfloat16: {r['bfloat16']:.2f} s; {r['bfloat16_ratio']:.3f} of float32")
    for name, title in COMPARISONS.items():
        means, worst = r[f"{name}_mean"], max(r[f"{name}_max"])
        within = sum(mean <= 0.02 for mean in means)
        print(
            f"{title}, from float32's: {statistics.median(means):.5f} on average in the median image, "
            f"{max(means):.5f} in the worst, at most 0.02 in {within} of {len(means)}; {worst:.4f} at most in a pixel"
        )
