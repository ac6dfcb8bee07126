#!/usr/bin/env python3
"""Judges images: per image <stem>.json, <stem>_map.png (16 bit) and <stem>_overlay.jpg."""

import argparse
import sys

from constrained_rcnn.errors import command_line


@command_line
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config-file", required=True, metavar="FILE", help="yaml file the weights were trained with")
    parser.add_argument("--input", nargs="+", required=True, metavar="FILE", help="files, folders or glob patterns")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE", help="config keys, with MODEL.WEIGHTS"
    )
    args = parser.parse_args(argv)
    from constrained_rcnn.demo import run

    return run(args.config_file, args.input, args.output, args.opts)


if __name__ == "__main__":
    sys.exit(main())
