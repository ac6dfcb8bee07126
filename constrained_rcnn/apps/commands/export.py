#!/usr/bin/env python3
"""Writes weights to hand on: without optimizer and iteration, in half precision if wanted, with their metadata."""

import argparse
import os
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--input", required=True, metavar="PTH", help="checkpoint of a training run")
    parser.add_argument("--output", required=True, metavar="PTH")
    parser.add_argument("--half", action="store_true", help="store float16: half the size")
    parser.add_argument("--licence", metavar="TEXT", help="terms of use, kept in the file")
    parser.add_argument("--training-data", metavar="TEXT", help="what they were trained on, kept in the file")
    args = parser.parse_args(argv)
    from constrained_rcnn.modeling.checkpoint import export_weights

    about = {"licence": args.licence, "training_data": args.training_data}
    metadata = export_weights(args.input, args.output, half=args.half, **{k: v for k, v in about.items() if v})
    print(f"{args.output}: {os.path.getsize(args.output) / 1e6:.1f} MB")
    for key, value in metadata.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    sys.exit(main())
