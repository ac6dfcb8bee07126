"""Writes weights to hand on: without optimizer and iteration, in half precision if wanted, with their metadata."""

from __future__ import annotations

import argparse
import os


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", required=True, metavar="PTH", help="checkpoint of a training run")
    parser.add_argument("--output", required=True, metavar="PTH", help="file to write")
    parser.add_argument("--half", action="store_true", help="store float16: half the size")
    parser.add_argument("--licence", metavar="TEXT", help="terms of use, kept in the file")
    parser.add_argument("--training-data", metavar="TEXT", help="what they were trained on, kept in the file")


def run(args: argparse.Namespace) -> None:
    from ...modeling.checkpoint import export_weights

    about = {"licence": args.licence, "training_data": args.training_data}
    metadata = export_weights(args.input, args.output, half=args.half, **{k: v for k, v in about.items() if v})
    print(f"{args.output}: {os.path.getsize(args.output) / 1e6:.1f} MB")
    for key, value in metadata.items():
        print(f"{key}: {value}")
