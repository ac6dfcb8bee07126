#!/usr/bin/env python3
"""Says whether two runs over the same images differ: paired bootstrap over images or source groups.

A and B are two per_image.json that evaluations have written; nothing is computed again.
"""

import argparse

from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("first", metavar="A/per_image.json")
    parser.add_argument("second", metavar="B/per_image.json")
    parser.add_argument("--output", metavar="JSON", help="also write the numbers there, as fractions")
    args = parser.parse_args(arguments)
    from constrained_rcnn.evaluation.compare_runs import compare_files
    from constrained_rcnn.evaluation.table import comparison_text, without_nan
    from constrained_rcnn.utils.files import write_json_atomic

    comparison, about = compare_files(args.first, args.second)
    print(comparison_text(comparison))
    print(about)
    if args.output:
        write_json_atomic(args.output, without_nan(comparison), indent=2)


if __name__ == "__main__":
    raise SystemExit(main())
