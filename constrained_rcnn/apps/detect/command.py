"""Judges images: was a picture manipulated, how, and where?

Per image <name>.json, <name>_map.png (16 bit), <name>_overlay.jpg and, where a region occurs twice, <name>_repeats.jpg;
of all together results.csv and results.html.
Without --config-file the weights that come with the package are used.
"""

from __future__ import annotations

import argparse
import warnings

from ...utils.errors import command_line
from ..arguments import parser_of_files, positive, print_any_name


@command_line
def main(argv: list[str] | None = None) -> int:
    """``tools/demo.py`` and the command ``constrained-rcnn``.

    Args:
        argv: arguments; None: the process's own.

    Returns:
        0; 1 if any input was skipped; 2 if nothing could be judged; 130 after Ctrl-C (finished results stay).
    """
    parser = parser_of_files(__doc__)
    parser.add_argument("--config-file", metavar="FILE", help="yaml file that the weights were trained with")
    parser.add_argument("--resume", action="store_true", help="leave out what is judged already")
    parser.add_argument("--float-maps", action="store_true", help="also write <name>_map.npy, float32")
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="worker processes that share the files")
    parser.add_argument(
        "--no-repeats", action="store_true",
        help="do not look for regions that occur twice, nor let them raise map and score (another config): faster",
    )  # fmt: skip
    parser.add_argument(
        "--opts", nargs=argparse.REMAINDER, default=[], metavar="KEY VALUE",
        help="config keys; with --config-file, MODEL.WEIGHTS among them",
    )  # fmt: skip
    args = parser.parse_args(argv)
    # Of Detectron2's import; nothing that a user could do about it.
    warnings.filterwarnings("ignore", message=".*torch.jit.*is deprecated", category=FutureWarning)
    print_any_name()
    from .run import run

    return run(
        args.config_file, args.input, args.output, args.opts, resume=args.resume, float_maps=args.float_maps,
        repeats=not args.no_repeats, pages=args.pages, jobs=args.jobs,
    )  # fmt: skip
