"""The command lines of ``datasets/prepare_*.py``: arguments in, a prepared set and a printed report out."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from constrained_rcnn.data.locations import DATASETS_VARIABLE, PREPARED_VARIABLE, prepared_root, source_root
from constrained_rcnn.data.plan import Plan
from constrained_rcnn.data.preparation import prepare, report_lines
from constrained_rcnn.data.sources import Scan, casia, folder
from constrained_rcnn.errors import UserError


def prepare_casia(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_casia.py``."""
    parser = _parser("Prepares CASIA TIDE v1.0 for Detectron2.", casia.TREE)
    parser.add_argument("--root", type=_path, help=f"CASIA's folder (default: ${DATASETS_VARIABLE}/casia_v1)")
    parser.add_argument(
        "--output",
        type=_path,
        help="folder for annotations/ and masks/ (default: "
        f"${PREPARED_VARIABLE}/casia_v1 if that is set, else the root)",
    )
    parser.add_argument("--masks", type=_path, help="folder of the ground truth, if it is not under the root")
    _add_common(parser, test_fraction=0.3)
    args = parser.parse_args(arguments)

    root = args.root or source_root("casia_v1")
    layout = casia.find_layout(root, args.masks)
    name = f"casia_v{layout.version}"
    output = args.output or (prepared_root(name) if os.environ.get(PREPARED_VARIABLE) else root)
    return _run(args, name, output, root, layout.inputs, lambda: casia.scan(layout))


def prepare_folder(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_folder.py``."""
    parser = _parser("Prepares any folder of images and masks for Detectron2.", folder.TREE)
    parser.add_argument("--images", type=_path, required=True, help="folder of images")
    parser.add_argument("--masks", type=_path, help="folder of masks (default: beside the images)")
    parser.add_argument("--authentic", type=_path, help="folder of authentic images")
    parser.add_argument(
        "--labels", type=_path, help="CSV with the columns image, technique and, optionally, group"
    )
    parser.add_argument(
        "--empty-is-authentic", action="store_true", help="an empty mask means an authentic image"
    )
    parser.add_argument("--root", type=_path, required=True, help="folder for annotations/ and masks/")
    parser.add_argument("--name", required=True, help="name of the set")
    _add_common(parser, test_fraction=None)
    args = parser.parse_args(arguments)

    if not args.name.replace("_", "").replace("-", "").isalnum():
        raise UserError(f"--name {args.name}: letters, digits, - and _ only; it becomes a file name")
    folders = folder.Folders(args.images, args.masks, args.authentic, args.labels, args.empty_is_authentic)
    options = {"empty_is_authentic": args.empty_is_authentic}
    root = args.root.resolve()
    image_root = root if root in (folders.image_root, *folders.image_root.parents) else folders.image_root
    return _run(args, args.name, root, image_root, folders.inputs(), lambda: folder.scan(folders), options)


def _run(
    args: argparse.Namespace,
    name: str,
    output: Path,
    image_root: Path,
    inputs: list[Path],
    scan: Callable[[], Scan],
    options: dict | None = None,
) -> int:
    logging.basicConfig(format="%(levelname)s: %(message)s")
    if args.split_file and not args.split_file.is_file():
        raise UserError(f"{args.split_file}: no such split file")
    plan = Plan(
        name,
        output,
        image_root,
        inputs,
        options or {},
        test_fraction=args.test_fraction,
        split_file=args.split_file,
        seed=args.seed,
        workers=args.workers,
    )
    print("\n".join(report_lines(prepare(plan, scan))))
    return 0


def _parser(description: str, tree: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=description,
        epilog=f"expected tree:\n{tree}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_common(parser: argparse.ArgumentParser, *, test_fraction: float | None) -> None:
    parser.add_argument(
        "--test-fraction",
        type=_fraction,
        default=test_fraction,
        metavar="F",
        help=f"share of the images to test on, by whole groups (default: {test_fraction})",
    )
    parser.add_argument("--split-file", type=_path, help="use this split instead of drawing one")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    parser.add_argument(
        "--workers",
        type=_positive,
        default=min(os.cpu_count() or 1, 8),
        metavar="N",
        help="threads (default: the number of cores, at most 8)",
    )


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}: between 0 and 1")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1")
    return value
