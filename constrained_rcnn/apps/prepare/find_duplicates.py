"""Lists images of one prepared split that are in another one, too: by pixels, or by look.

The exit status is 1 where there are any, so that a script can stop.
"""

from __future__ import annotations

import argparse

from .options import add_workers, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=path, metavar="FILE", help="<root>/annotations/<name>.json")
    parser.add_argument("second", type=path, metavar="FILE", help="likewise")
    parser.add_argument("--output", type=path, metavar="JSON", help="also write all of them there")
    add_workers(parser)


def run(args: argparse.Namespace) -> int:
    from ...preparation import duplicates
    from ...preparation.findings import table
    from ...utils.files import write_json_atomic

    findings = duplicates.between(args.first, args.second, workers=args.workers)
    print("\n".join(table(findings) if findings else ["no image is in both"]))
    if args.output:
        write_json_atomic(args.output, [finding.as_dict() for finding in findings], indent=1)
    return int(any(finding.kind != "unreadable" for finding in findings))
