"""Prepares CASIA TIDE v1.0 or v2.0 (told from the tree) for Detectron2."""

from __future__ import annotations

import argparse
from functools import partial

from ...data.locations import source_root
from ...preparation.published import CASIA
from ...utils.errors import UserError
from .options import add_common, add_mask_options, add_places, add_tree, mask_options, path

NAMES = ("casia_v1", "casia_v2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tree(parser, CASIA.tree)
    add_places(parser, "CASIA's folder", " and ".join(NAMES) + ", those that are there")
    parser.add_argument(
        "--masks", type=path, metavar="DIR", help="folder of the ground truth, if it is not under the root"
    )
    add_mask_options(parser)
    add_common(parser, test_fraction=CASIA.test_fraction)


def run(args: argparse.Namespace) -> int:
    from ...preparation.sources import casia
    from .run import output_of, prepare_set

    roots = [args.root] if args.root else [source_root(name) for name in NAMES if source_root(name).is_dir()]
    if len(roots) > 1 and (args.masks or args.split_file or args.output):
        raise UserError(f"there are {' and '.join(map(str, roots))}: name one with --root")
    options = mask_options(args)
    for root in roots or [source_root(NAMES[0])]:
        layout = casia.find_layout(root, args.masks)
        name = f"casia_v{layout.version}"
        scan = partial(casia.scan, layout, options)
        prepare_set(args, name, output_of(args, name, root), root, layout.inputs, scan, options)
    return 0
