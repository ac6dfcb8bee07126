"""Adds images to an index. It is not built anew: what is in it stays, and only new or changed files are read."""

from __future__ import annotations

import argparse

from .arguments import add_index, add_input


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_index(parser)
    add_input(parser)


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any file was skipped."""
    from .building import build

    return build(args.input, args.index)
