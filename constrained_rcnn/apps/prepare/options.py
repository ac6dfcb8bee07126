"""The command lines of ``datasets/``: arguments in, a prepared set and a printed report out."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from constrained_rcnn.data import annotation_format
from constrained_rcnn.data.locations import DATASETS_VARIABLE, PREPARED_VARIABLE, prepared_root, source_root
from constrained_rcnn.preparation import duplicates, peer_formats
from constrained_rcnn.preparation.findings import table
from constrained_rcnn.preparation.mask_options import MaskOptions, MaskValues
from constrained_rcnn.preparation.plan import Plan
from constrained_rcnn.preparation.prepare import prepare, report_lines
from constrained_rcnn.preparation.sources import Scan, casia, coco_synthetic, columbia, coverage, folder, nist16
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.files import write_json_atomic


def prepare_casia(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_casia.py``."""
    names = ("casia_v1", "casia_v2")
    parser = _parser("Prepares CASIA TIDE v1.0 or v2.0 (told from the tree) for Detectron2.", casia.TREE)
    _add_places(parser, "CASIA's folder", " and ".join(names) + ", those that are there")
    parser.add_argument("--masks", type=_path, help="folder of the ground truth, if it is not under the root")
    _add_mask_options(parser)
    _add_common(parser, test_fraction=0.3)
    args = parser.parse_args(arguments)

    roots = [args.root] if args.root else [source_root(name) for name in names if source_root(name).is_dir()]
    if len(roots) > 1 and (args.masks or args.split_file or args.output):
        raise UserError(f"there are {' and '.join(map(str, roots))}: name one with --root")
    for root in roots or [source_root(names[0])]:
        layout = casia.find_layout(root, args.masks)
        name = f"casia_v{layout.version}"
        options = _mask_options(args)
        _run(args, name, _output(args, name, root), root, layout.inputs, partial(casia.scan, layout, options), options)
    return 0


def prepare_coverage(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_coverage.py``."""
    return _prepare_one("coverage", "COVERAGE", coverage, arguments)


def prepare_columbia(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_columbia.py``."""
    return _prepare_one("columbia", "Columbia's uncompressed splicing set", columbia, arguments)


def prepare_nist16(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_nist16.py``."""
    return _prepare_one("nist16", "NIST Nimble 2016", nist16, arguments)


def prepare_coco_synthetic(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_coco_synthetic.py``."""
    title = "RGB-N's synthetic set of COCO objects"
    return _prepare_one("coco_synthetic", title, coco_synthetic, arguments, masks=False)


def prepare_folder(arguments: Sequence[str] | None = None) -> int:
    """``datasets/prepare_folder.py``."""
    parser = _parser("Prepares any folder of images and masks for Detectron2.", folder.TREE)
    parser.add_argument("--images", type=_path, required=True, help="folder of images")
    parser.add_argument(
        "--masks",
        nargs="+",
        action="extend",
        default=[],
        metavar="DIR",
        help=f"folder of masks (default: beside the images); `--masks {folder.UNION}`, alone or beside a folder: "
        f"several masks of one image are joined (a folder of that name is ./{folder.UNION})",
    )
    parser.add_argument("--authentic", type=_path, help="folder of authentic images")
    parser.add_argument("--labels", type=_path, help="CSV with the columns image, technique and, optionally, group")
    parser.add_argument(
        "--empty-is-authentic", action="store_true", help="a mask that is black all over means an authentic image"
    )
    _add_authentic_only(parser)
    _add_mask_options(parser)
    parser.add_argument("--root", type=_path, required=True, help="folder for annotations/ and masks/")
    parser.add_argument("--name", required=True, help="name of the set")
    _add_common(parser, test_fraction=None)
    args = parser.parse_args(arguments)

    masks = [_path(word) for word in args.masks if word != folder.UNION]
    if len(masks) > 1:
        raise UserError(f"--masks {masks[0]} {masks[1]}: one folder, and `{folder.UNION}` beside it if several join")
    union = folder.UNION in args.masks
    folders = folder.Folders(
        args.images, masks[0] if masks else None, args.authentic, args.labels, args.empty_is_authentic, union
    )
    options = _mask_options(args)
    more = {"empty_is_authentic": args.empty_is_authentic, "union": union}
    root, image_root = _outside(args, folders.image_root)
    scan = partial(folder.scan, folders, options)
    return _run(args, args.name, root, image_root, folders.inputs(), scan, options, more)


def convert_format(arguments: Sequence[str] | None = None) -> int:
    """``datasets/convert_format.py``."""
    parser = argparse.ArgumentParser(
        description="Reads lists of images and masks in the formats of other tools, and writes them.",
        epilog=peer_formats.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True)
    reading = actions.add_parser("import", help="prepare what another tool's list names")
    writing = actions.add_parser("export", help="write a prepared split for another tool")
    for action in (reading, writing):
        action.add_argument("--format", choices=peer_formats.FORMATS, required=True)
        action.add_argument("--base", type=_path, help="folder that relative paths in the list start from")
    reading.add_argument("--input", type=_path, required=True, help="the list, or the folder of Tp and Gt")
    reading.add_argument("--root", type=_path, required=True, help="folder for annotations/ and masks/")
    reading.add_argument("--name", required=True, help="name of the set")
    _add_authentic_only(reading)
    _add_mask_options(reading)
    _add_common(reading, test_fraction=None)
    writing.add_argument("--split", type=_path, required=True, help="<root>/annotations/<name>.json")
    writing.add_argument("--output", type=_path, required=True, help="file to write (imdl-folder: a new folder)")
    args = parser.parse_args(arguments)

    if args.action == "export":
        entries = annotation_format.load(args.split)
        left_out = peer_formats.write_listing(args.format, entries, args.output, args.base)
        print("\n".join([f"wrote {args.output}: {len(entries) - len(left_out)} images", *left_out]))
        return 0
    listing = peer_formats.read_listing(args.format, args.input, args.base or Path.cwd())
    root, image_root = _outside(args, listing.image_root)
    options = _mask_options(args)
    scan, more = partial(listing.scan, options), {"format": args.format}
    return _run(args, args.name, root, image_root, listing.inputs, scan, options, more)


def find_duplicates(arguments: Sequence[str] | None = None) -> int:
    """``datasets/find_duplicates.py``: exit status 1 where there are any, so that a script can stop."""
    parser = argparse.ArgumentParser(
        description="Lists pictures of one prepared split that are in another one, too: by pixels, or by look."
    )
    parser.add_argument("first", type=_path, help="<root>/annotations/<name>.json")
    parser.add_argument("second", type=_path, help="likewise")
    parser.add_argument("--output", type=_path, metavar="JSON", help="also write all of them there")
    _add_workers(parser)
    args = parser.parse_args(arguments)
    findings = duplicates.between(args.first, args.second, workers=args.workers)
    print("\n".join(table(findings) if findings else ["no picture is in both"]))
    if args.output:
        write_json_atomic(args.output, [finding.as_dict() for finding in findings], indent=1)
    return int(any(finding.kind != "unreadable" for finding in findings))


def _prepare_one(name: str, title: str, source, arguments: Sequence[str] | None, *, masks: bool = True) -> int:
    """The command of a source with ``TREE``, ``find_layout(root)`` and ``scan(layout, mask options)``.

    ``masks`` False: there are none, and ``scan(layout)`` takes no options. Without ``TEST_FRACTION`` it is for testing
    only.
    """
    fraction = getattr(source, "TEST_FRACTION", None)
    parser = _parser(f"Prepares {title} for Detectron2.", source.TREE)
    _add_places(parser, "the folder of the tree below", name)
    if masks:
        _add_mask_options(parser)
    _add_common(parser, test_fraction=fraction, splits=fraction is not None)
    args = parser.parse_args(arguments)
    if fraction is None:
        args.test_fraction, args.split_file, args.seed = 1.0, None, 0
    root = args.root or source_root(name)
    layout = source.find_layout(root)
    options = _mask_options(args) if masks else None
    scan = partial(source.scan, layout, options) if masks else partial(source.scan, layout)
    return _run(args, name, _output(args, name, root), root, layout.inputs, scan, options)


def _output(args: argparse.Namespace, name: str, root: Path) -> Path:
    return args.output or (prepared_root(name) if os.environ.get(PREPARED_VARIABLE) else root)


def _outside(args: argparse.Namespace, images: Path) -> tuple[Path, Path]:
    """(output, image root) for a set called ``args.name`` whose images lie anywhere."""
    if not args.name.replace("_", "").replace("-", "").isalnum():
        raise UserError(f"--name {args.name}: letters, digits, - and _ only; it becomes a file name")
    root = args.root.resolve()
    return root, root if root in (images, *images.parents) else images


def _run(
    args: argparse.Namespace,
    name: str,
    output: Path,
    image_root: Path,
    inputs: list[Path],
    scan: Callable[[], Scan],
    masks: MaskOptions | None,
    more: dict | None = None,
) -> int:
    """Prepares a set and prints its report; ``more``: what the result depends on beside the options of all."""
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


def _parser(description: str, tree: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=description,
        epilog=f"expected tree:\n{tree}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_places(parser: argparse.ArgumentParser, what: str, name: str) -> None:
    parser.add_argument("--root", type=_path, help=f"{what} (default: ${DATASETS_VARIABLE}/{name})")
    parser.add_argument(
        "--output",
        type=_path,
        help="folder for annotations/ and masks/ (default: "
        f"the same under ${PREPARED_VARIABLE} if that is set, else the root)",
    )


def _add_mask_options(parser: argparse.ArgumentParser) -> None:
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


def _add_authentic_only(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--authentic-only", action="store_true", help="the set is meant to hold authentic images alone")


def _mask_options(args: argparse.Namespace) -> MaskOptions:
    values = None if args.mask_values is None else MaskValues.parse(args.mask_values)
    return MaskOptions(values, args.invert, args.fit_masks)


def _add_common(parser: argparse.ArgumentParser, *, test_fraction: float | None, splits: bool = True) -> None:
    if splits:
        shown = "no split" if test_fraction is None else f"{test_fraction:.3g}"
        parser.add_argument(
            "--test-fraction",
            type=_fraction,
            default=test_fraction,
            metavar="F",
            help=f"share of the images to test on, by whole groups (default: {shown})",
        )
        parser.add_argument("--split-file", type=_path, help="use this split instead of drawing one")
        parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    _add_workers(parser)


def _add_workers(parser: argparse.ArgumentParser) -> None:
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
