"""Prepares a data set and prints the report: what the commands of ``constrained-rcnn prepare`` end in."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable
from pathlib import Path

from ...data.locations import PREPARED_VARIABLE, prepared_root
from ...preparation.mask_options import MaskOptions
from ...preparation.plan import Plan
from ...preparation.prepare import prepare, report_lines
from ...preparation.sources import Scan
from ...utils.errors import UserError


def prepare_set(
    args: argparse.Namespace,
    name: str,
    output: Path,
    image_root: Path,
    inputs: list[Path],
    scan: Callable[[], Scan],
    masks: MaskOptions | None,
    more: dict | None = None,
) -> int:
    """Prepares a set and prints its report.

    Args:
        args: of the command; what :func:`.options.add_common` adds is read.
        name: of the set.
        output: folder for annotations/ and masks/.
        image_root: folder that paths in the annotations start from.
        inputs: every file that the result depends on.
        scan: finds the images and masks.
        masks: what the user says of the masks; None: there are none.
        more: what the result depends on beside the options of all.

    Returns:
        0, the exit status.

    Raises:
        UserError: no such split file, or nothing that can be prepared.
    """
    logging.basicConfig(format="%(levelname)s: %(message)s")
    if args.split_file and not args.split_file.is_file():
        raise UserError(f"{args.split_file}: no such split file")
    plan = Plan(
        name,
        output,
        image_root,
        inputs,
        {**(masks.as_dict() if masks else {}), **(more or {})},
        test_fraction=args.test_fraction,
        split_file=args.split_file,
        seed=args.seed,
        workers=args.workers,
        authentic_only=getattr(args, "authentic_only", None),
    )
    print("\n".join(report_lines(prepare(plan, scan))))
    return 0


def output_of(args: argparse.Namespace, name: str, root: Path) -> Path:
    """Where a published set's annotations go: ``--output``, else by the environment, else its own folder."""
    return args.output or (prepared_root(name) if os.environ.get(PREPARED_VARIABLE) else root)


def outside(args: argparse.Namespace, images: Path) -> tuple[Path, Path]:
    """(output, image root) for a set called ``args.name`` whose images lie anywhere.

    Raises:
        UserError: the name is no file name.
    """
    if not args.name.replace("_", "").replace("-", "").isalnum():
        raise UserError(f"--name {args.name}: letters, digits, - and _ only; it becomes a file name")
    root = args.root.resolve()
    return root, root if root in (images, *images.parents) else images
