#!/usr/bin/env python3
"""Times the released 101-layer network against stock Mask R-CNN R-101-C4, and in bfloat16: 100 proposals, batch 1."""

import argparse
import sys

from constrained_rcnn.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--weights", default="", metavar="MODEL.pth", help="converted 101-layer checkpoint of 4 classes"
    )
    parser.add_argument(
        "--image", metavar="FILE", help="picture, resized to the network's input; default: 600x900 noise"
    )
    parser.add_argument("--repeats", type=int, default=5, help="counted rounds")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args(argv)
    import torch
    from tqdm import tqdm

    from constrained_rcnn.data.image_io import read_image
    from constrained_rcnn.tensorflow.benchmark import compare

    if args.image:
        image = torch.from_numpy(read_image(args.image, "BGR").transpose(2, 0, 1).copy())
    else:
        image = torch.randint(0, 256, (3, 600, 900), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    r = compare(image, args.repeats, args.device, args.weights, lambda x: tqdm(x, unit="round"))
    print(f"float32: {r['released']:.2f} s, Mask R-CNN {r['mask_rcnn']:.2f} s; ratio {r['ratio']:.3f}")
    print(f"bfloat16: {r['bfloat16']:.2f} s; {r['bfloat16_ratio']:.3f} of float32")
    print(f"its map: {r['map_mean']:.5f} away on average, {r['map_max']:.3f} at most")
    print(f"with float32's boxes: {r['same_boxes_mean']:.5f} away on average, {r['same_boxes_max']:.4f} at most")


if __name__ == "__main__":
    sys.exit(main())
