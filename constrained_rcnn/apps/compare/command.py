"""Compares pictures with each other: which share a region, which are versions of one, and where these differ.

For originals beside their forgeries, a photo used twice, figures of papers. What counts is what they show, not name,
size or format; a version may be turned, mirrored, scaled, cropped, toned and compressed again. Needs no network.
pairs.html shows every pair that has something in common, pairs.csv and pairs.json list them, and pairs/ has pictures
and masks. What occurs twice within one picture, constrained-rcnn tells.
"""

from __future__ import annotations

from constrained_rcnn.apps.arguments import parser_of_files, print_any_name
from constrained_rcnn.utils.errors import command_line


@command_line
def main(argv: list[str] | None = None) -> int:
    """``tools/compare_pictures.py`` and the command ``constrained-rcnn-compare``.

    Args:
        argv: arguments; None: the process's own.

    Returns:
        0; 1 if any input was skipped; 2 if there is nothing to compare; 130 after Ctrl-C (what this run found stays).
    """
    parser = parser_of_files(__doc__)
    parser.add_argument(
        "--against", nargs="+", metavar="FILE",
        help="likewise: compare every input with these instead of with the other inputs",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="do not compare again what is compared already")
    args = parser.parse_args(argv)
    print_any_name()
    from .run import run

    return run(args.input, args.output, against=args.against, resume=args.resume, pages=args.pages)
