#!/usr/bin/env python3
"""Converts a published TensorFlow checkpoint (V2 format) into one for the *_tensorflow.yaml configs."""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--input", required=True, metavar="MODEL.ckpt", help="the name before .index and .data-*")
    parser.add_argument("--output", required=True, metavar="MODEL.pth", help="file to write")
    args = parser.parse_args(argv)
    from constrained_rcnn.released.convert import config_for, convert

    about = convert(args.input, args.output)
    branch = "with its mask branch" if about["mask_branch"] else "stage 1, without a mask branch"
    print(f"{args.output}: {about['depth']} layers, {branch}; classes: {', '.join(about['classes'])}")
    config, options = config_for(about)
    print(" ".join(["its config:", config, *options]))


if __name__ == "__main__":
    sys.exit(main())
