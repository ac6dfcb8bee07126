"""Options that several commands of ``constrained-rcnn prepare`` have."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ...data.locations import DATASETS_VARIABLE, PREPARED_VARIABLE
from ...preparation.mask_options import MaskOptions, MaskValues


def add_tree(parser: argparse.ArgumentParser, tree: str) -> None:
    """Shows below the options how the files have to lie."""
    parser.epilog = f"expected tree:\n{tree}"


def add_places(parser: argparse.ArgumentParser, what: str, name: str) -> None:
    """``--root`` and ``--output``; ``what`` the root is, and ``name`` of its folder among the data sets."""
    parser.add_argument("--root", type=path, metavar="DIR", help=f"{what} (default: ${DATASETS_VARIABLE}/{name})")
    parser.add_argument(
        "--output",
        type=path,
        metavar="DIR",
        help="folder for annotations/ and masks/ (default: "
        f"the same under ${PREPARED_VARIABLE} if that is set, else the root)",
    )


def add_new_set(parser: argparse.ArgumentParser) -> None:
    """``--root`` and ``--name``, for a set whose images lie anywhere."""
    parser.add_argument("--root", type=path, required=True, metavar="DIR", help="folder for annotations/ and masks/")
    parser.add_argument("--name", required=True, metavar="NAME", help="name of the set")


def add_mask_options(parser: argparse.ArgumentParser) -> None:
    """What :func:`mask_options` reads."""
    parser.add_argument("--invert", action="store_true", help="the masks are inverted: what they mark is authentic")
    parser.add_argument(
        "--mask-values",
        metavar="V,...",
        help="what means manipulated in a mask, instead of the usual rule: grey levels as stored (1), ranges of them "
        "(128-255), colours (#ff0000), `alpha` for the alpha channel; several by commas",
    )
    parser.add_argument(
        "--fit-masks",
        type=_not_negative,
        default=0,
        metavar="N",
        help="resample masks whose height and width are at most N pixels off their image's (default: 0, they are "
        "skipped); each is reported",
    )


def add_authentic_only(parser: argparse.ArgumentParser) -> None:
    """``--authentic-only``."""
    parser.add_argument("--authentic-only", action="store_true", help="the set is meant to hold authentic images alone")


def mask_options(args: argparse.Namespace) -> MaskOptions:
    """What the user says of the masks.

    Raises:
        UserError: ``--mask-values`` cannot be read.
    """
    values = None if args.mask_values is None else MaskValues.parse(args.mask_values)
    return MaskOptions(values, args.invert, args.fit_masks)


def add_common(parser: argparse.ArgumentParser, *, test_fraction: float | None, splits: bool = True) -> None:
    """How the set is split (None: not, unless it is asked for; ``splits`` False: it cannot be) and the threads."""
    if splits:
        shown = "no split" if test_fraction is None else f"{test_fraction:.3g}"
        parser.add_argument(
            "--test-fraction",
            type=_fraction,
            default=test_fraction,
            metavar="F",
            help=f"share of the images to test on, by whole groups (default: {shown})",
        )
        parser.add_argument("--split-file", type=path, metavar="FILE", help="use this split instead of drawing one")
        parser.add_argument("--seed", type=int, default=0, help="of the draw")
    add_workers(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """``--workers``."""
    parser.add_argument(
        "--workers",
        type=_positive,
        default=min(os.cpu_count() or 1, 8),
        metavar="N",
        help="threads (default: the number of cores, at most 8)",
    )


def path(text: str) -> Path:
    """``~`` is expanded."""
    return Path(text).expanduser()


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}: between 0 and 1")
    return value


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text}: 0 or more")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1")
    return value
