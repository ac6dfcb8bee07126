"""Detects manipulations: whether an image was manipulated, how, and where.

Writes of each image <name>.json, <name>_map.png (16 bit), <name>_overlay.jpg and, where regions are duplicated,
<name>_repeats.jpg; <name>_evidence.html, a sheet of independent witnesses with their error rates; of all together
results.csv and results.html.
Without --config-file the weights that come with the package are used.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import add_files, add_old_name, add_opts, add_run
from ..cli import main
from ..evidence.options import add_sheets, sheets_asked

__all__ = ["add_arguments", "main", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_files(parser, case=True)
    parser.add_argument("--config-file", metavar="FILE", help="yaml file that the weights were trained with")
    add_run(parser)
    no_copy_move = parser.add_argument(
        "--no-copy-move", action="store_true",
        help="no copy-move detection by keypoint matching: faster, and another config, as nothing is fused into map "
        "and score",
    )  # fmt: skip
    add_old_name(parser, no_copy_move, "--no-repeats")
    add_sheets(parser)
    add_opts(parser, "config keys to override; with --config-file, MODEL.WEIGHTS among them; stands last")


def run(args: argparse.Namespace) -> int:
    """Returns 0; 1 if any input was skipped. After Ctrl-C finished results stay."""
    evidence = sheets_asked(args)
    if args.case is not None:
        from ..case.seal import seal

        if args.resume:
            raise UserError("--resume: a case is made in one go; leave it out, or use --output")
        return seal(
            args.case, args.config_file, args.input, args.opts, float_maps=args.float_maps,
            copy_move=not args.no_copy_move, pages=args.pages, jobs=args.jobs, evidence=evidence,
        )  # fmt: skip
    from .run import run as detect

    return detect(
        args.config_file, args.input, args.output, args.opts, resume=args.resume, float_maps=args.float_maps,
        copy_move=not args.no_copy_move, pages=args.pages, jobs=args.jobs, evidence=evidence,
    )  # fmt: skip
