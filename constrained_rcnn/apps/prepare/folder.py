"""Prepares any folder of images and masks for Detectron2."""

from __future__ import annotations

import argparse
from functools import partial

from ...preparation.published import FOLDER_TREE, UNION
from ...utils.errors import UserError
from .options import add_authentic_only, add_common, add_mask_options, add_new_set, add_tree, mask_options, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tree(parser, FOLDER_TREE)
    parser.add_argument("--images", type=path, required=True, metavar="DIR", help="folder of images")
    parser.add_argument(
        "--masks", nargs="+", action="extend", default=[], metavar="DIR",
        help=f"folder of masks (default: beside the images); `--masks {UNION}`, alone or beside a folder: several "
        f"masks of one image are joined (a folder of that name is ./{UNION})",
    )  # fmt: skip
    parser.add_argument("--authentic", type=path, metavar="DIR", help="folder of authentic images")
    parser.add_argument(
        "--labels", type=path, metavar="FILE", help="CSV with the columns image, technique and, optionally, group"
    )
    parser.add_argument(
        "--empty-is-authentic", action="store_true", help="a mask that is black all over means an authentic image"
    )
    add_authentic_only(parser)
    add_mask_options(parser)
    add_new_set(parser)
    add_common(parser, test_fraction=None)


def run(args: argparse.Namespace) -> int:
    from ...preparation.sources import folder
    from .run import outside, prepare_set

    masks = [path(word) for word in args.masks if word != UNION]
    if len(masks) > 1:
        raise UserError(f"--masks {masks[0]} {masks[1]}: one folder, and `{UNION}` beside it if several join")
    union = UNION in args.masks
    folders = folder.Folders(
        args.images, masks[0] if masks else None, args.authentic, args.labels, args.empty_is_authentic, union
    )
    options = mask_options(args)
    more = {"empty_is_authentic": args.empty_is_authentic, "union": union}
    root, image_root = outside(args, folders.image_root)
    scan = partial(folder.scan, folders, options)
    return prepare_set(args, args.name, root, image_root, folders.inputs(), scan, options, more)
