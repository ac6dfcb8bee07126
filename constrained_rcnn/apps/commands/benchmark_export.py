"""Compares an exported network with the model that it comes from: results of whole files, and time of one run.

Without --network it is the package's own.
"""

from __future__ import annotations

import argparse

from ...utils.errors import UserError
from ..arguments import add_opts, positive, progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", nargs="+", required=True, metavar="FILE", help="images: files, folders, patterns")
    parser.add_argument("--network", metavar="ONNX", help="file that `constrained-rcnn export --format onnx` wrote")
    parser.add_argument("--config-file", metavar="FILE", help="of the model that it was exported from")
    parser.add_argument("--limit", type=positive, default=20, metavar="N", help="so many images, evenly spread")
    parser.add_argument("--repeats", type=positive, default=3, metavar="N", help="timed runs of each image")
    add_opts(parser, "config keys to override, MODEL.WEIGHTS among them; stands last")


def run(args: argparse.Namespace) -> int:
    from ...benchmarks.export import compare
    from ...model_zoo import default_network, load_default_config
    from ..inputs import find_inputs

    files = find_inputs(args.input).files
    if not files:
        raise UserError(f"--input {' '.join(args.input)}: no image found there")
    chosen = files[:: max(1, len(files) // args.limit)][: args.limit]
    cfg = load_default_config(args.config_file, args.opts)
    found, times = compare(
        cfg, args.network or default_network(), chosen, repeats=args.repeats, progress=progress("image")
    )
    print(f"{len(found)} images; largest differences: " + ", ".join(
        f"{name} {max(one[name] for one in found):.2g}" for name in found[0]))  # fmt: skip
    for name, figures in times.items():
        print(f"{name}: {figures['seconds']:.2f} s; ratio to float32 {figures['ratio']:.2f} (median over images)")
    return int(any(one["boxes"] > 1 or one["map"] > 1e-3 for one in found))
