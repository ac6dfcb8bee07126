"""What the command lines over many files have in common; light, so that their help is quick."""

from __future__ import annotations

import argparse
import re
import sys


def parser_of_files(description: str) -> argparse.ArgumentParser:
    """With ``--input`` and ``--output``, as :mod:`.inputs` and :mod:`.files` take them."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="FILE",
        help="files, folders, glob patterns; - reads such a list from standard input",
    )  # fmt: skip
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--pages", choices=("first", "all"), default="first",
        help="of files with several pages or frames: the first one (default), or each on its own",
    )  # fmt: skip
    return parser


def positive(text: str) -> int:
    """A whole number from 1, for argparse."""
    if not re.fullmatch(r"0*[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"{text}: give a whole number from 1")
    return int(text)


def print_any_name() -> None:
    """Lets a name that the terminal's encoding lacks be printed as escapes instead of ending the run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
