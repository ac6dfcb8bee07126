"""What the commands of an index have in common."""

from __future__ import annotations

import argparse


def add_index(parser: argparse.ArgumentParser) -> None:
    """``--index``."""
    parser.add_argument("--index", required=True, metavar="DIR", help="folder of the index")


def add_input(parser: argparse.ArgumentParser) -> None:
    """``--input``, as :mod:`..inputs` takes it."""
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="FILE",
        help="files, folders, glob patterns; - reads such a list from standard input",
    )  # fmt: skip
