"""Compares pictures with each other: which share a region, which are versions of one, and where these differ.

For originals beside their forgeries, a photo used twice, figures of papers. What counts is what they show, not name,
size or format; a version may be turned, mirrored, scaled, cropped, toned and compressed again. Needs no network.
pairs.html shows every pair that has something in common, pairs.csv and pairs.json list them, and pairs/ has pictures
and masks. What occurs twice within one picture, constrained-rcnn tells.
"""

from __future__ import annotations

import argparse
import sys

from constrained_rcnn.errors import command_line


@command_line
def main(argv: list[str] | None = None) -> int:
    """``tools/compare_pictures.py`` and the command ``constrained-rcnn-compare``.

    Args:
        argv: arguments; None: the process's own.

    Returns:
        0; 1 if any input was skipped; 2 if nothing could be compared; 130 after Ctrl-C (what was found stays).
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--input", nargs="+", required=True, metavar="FILE",
        help="files, folders, glob patterns; - reads such a list from standard input",
    )  # fmt: skip
    parser.add_argument(
        "--against", nargs="+", metavar="FILE",
        help="likewise: compare every input with these instead of with the other inputs",
    )  # fmt: skip
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--resume", action="store_true", help="do not compare again what is compared already")
    args = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal's encoding lacks must not end the run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    from .run import run

    return run(args.input, args.output, against=args.against, resume=args.resume)
