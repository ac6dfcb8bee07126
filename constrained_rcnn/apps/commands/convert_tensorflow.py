"""Converts a published TensorFlow checkpoint (V2 format) into one for the *_tensorflow.yaml configs."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", required=True, metavar="MODEL.ckpt", help="the name before .index and .data-*")
    parser.add_argument("--output", required=True, metavar="MODEL.pth", help="file to write")


def run(args: argparse.Namespace) -> None:
    from ...released.convert import config_for, convert

    about = convert(args.input, args.output)
    branch = "with its mask branch" if about["mask_branch"] else "stage 1, without a mask branch"
    print(f"{args.output}: {about['depth']} layers, {branch}; classes: {', '.join(about['classes'])}")
    config, options = config_for(about)
    print(" ".join(["its config:", config, *options]))
