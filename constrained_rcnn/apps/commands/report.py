#!/usr/bin/env python3
"""Writes the HTML page of an evaluation from its files, without the model.

Evaluations by train_net.py have written it already; this is for maps of other tools, or another place.
"""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--results", required=True, metavar="DIR", help="holds metrics.json and per_image.json")
    parser.add_argument("--dataset", required=True, help="the one evaluated: name, or JSON of a prepared split")
    parser.add_argument("--maps", metavar="DIR", help="of another tool, named like the images")
    parser.add_argument("--output", metavar="HTML", help="default: report.html in --results")
    args = parser.parse_args(arguments)
    from constrained_rcnn.data.lookup import dataset_dicts
    from constrained_rcnn.evaluation.report import write_page

    print(write_page(args.results, dataset_dicts(args.dataset), args.output, args.maps))


if __name__ == "__main__":
    sys.exit(main())
