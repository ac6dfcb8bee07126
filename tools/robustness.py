#!/usr/bin/env python3
"""Evaluates a checkpoint (or a baseline) on compressed, noisy, blurred and resized pictures.

Writes robustness.md, robustness.json and robustness.html into --output. The same call again goes on where an
interrupted one stopped.
"""

import argparse
import sys

from constrained_rcnn.utils.errors import command_line


@command_line
def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--dataset", required=True, help="registered name, or <root>/annotations/<split>.json")
    parser.add_argument("--output", required=True, metavar="DIR")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config-file", metavar="FILE", help="of the model; its checkpoint by --opts MODEL.WEIGHTS FILE")
    what.add_argument("--baseline", metavar="NAME", help="instead of a model, for instance error_level_analysis")
    names = "jpeg, gaussian_noise, gaussian_blur, resize, noise, blur, social; or one point: jpeg-75"
    parser.add_argument("--protocols", nargs="+", default=[], metavar="NAME", help=f"default all: {names}")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE")
    args = parser.parse_args(arguments)
    from tqdm import tqdm

    from constrained_rcnn.engine.robustness import run
    from constrained_rcnn.evaluation.robustness import robustness_table

    summaries = run(
        args.dataset, args.output, config_file=args.config_file, options=args.opts, baseline=args.baseline,
        protocols=args.protocols, seed=args.seed, progress=lambda x: tqdm(x, unit="image"),
    )  # fmt: skip
    print(robustness_table(summaries))
    print(f"table, JSON and page with curves: {args.output}/robustness.md, .json, .html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
