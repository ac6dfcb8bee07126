"""Writes weights to hand on, or the network itself for other programs.

Without --format: a checkpoint without optimizer and iteration, in half precision if wanted, with its metadata.
--format onnx: the network with its weights for ONNX Runtime, and a script of NumPy beside it that runs it.
--format torch: the network with its weights as a program of torch.export, which needs neither Detectron2 nor this
package. Both take images of any size, unless --size names one; without --config-file it is the package's own network.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from ...utils.errors import UserError
from ..arguments import add_opts

FORMATS = ("onnx", "torch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", metavar="PTH", help="checkpoint of a training run")
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write")
    weights = parser.add_argument_group("a checkpoint")
    weights.add_argument("--half", action="store_true", help="store float16: half the size")
    weights.add_argument("--licence", metavar="TEXT", help="terms of use, kept in the file")
    weights.add_argument("--training-data", metavar="TEXT", help="what they were trained on, kept in the file")
    network = parser.add_argument_group("the network")
    network.add_argument("--format", choices=FORMATS, help="write the network, in this form")
    network.add_argument("--config-file", metavar="FILE", help="yaml file that the weights were trained with")
    network.add_argument("--size", type=_size, metavar="HxW", help="the one size of images that it takes, in pixels")
    network.add_argument("--no-runner", action="store_true", help="write no script beside an ONNX file")
    add_opts(network)


def run(args: argparse.Namespace) -> None:
    _refuse_others(args)
    metadata = _export_network(args) if args.format else _export_weights(args)
    print(f"{args.output}: {os.path.getsize(args.output) / 1e6:.1f} MB")
    for key, value in metadata.items():
        print(f"{key}: {value}")


def _export_weights(args: argparse.Namespace) -> dict:
    from ...modeling.checkpoint import export_weights

    about = {"licence": args.licence, "training_data": args.training_data}
    return export_weights(args.input, args.output, half=args.half, **{k: v for k, v in about.items() if v})


def _export_network(args: argparse.Namespace) -> dict:
    from ...inference.export import export_network
    from ...model_zoo import load_default_config
    from ...utils.files import write_bytes_atomic

    weights = ["MODEL.WEIGHTS", args.input] if args.input else []
    cfg = load_default_config(args.config_file, [*weights, *args.opts])
    about = export_network(cfg, args.output, how=args.format, size=args.size)
    facts = {
        "weights": f"{about['weights']['file']}, SHA-256 {about['weights']['sha256']}",
        "images": f"{args.size[0]}x{args.size[1]} pixels (height x width)" if args.size else "of any size",
    }
    if args.format == "onnx" and not args.no_runner:
        runner = Path(args.output).with_suffix(".py")
        write_bytes_atomic(runner, _runner().read_bytes())
        facts["runs with"] = f"python {runner} {args.output} IMAGE MAP.png"
    return facts


def _runner() -> Path:
    return Path(__file__).resolve().parents[2] / "inference" / "onnx_runner.py"


def _refuse_others(args: argparse.Namespace) -> None:
    """Options of the other form would else be passed over."""
    network = {"--config-file": args.config_file, "--size": args.size, "--opts": args.opts}
    checkpoint = {"--half": args.half, "--licence": args.licence, "--training-data": args.training_data}
    others = {"--format": network} if args.format is None else {"a checkpoint, without --format": checkpoint}
    if args.format != "onnx":
        others["--format onnx"] = {"--no-runner": args.no_runner}
    for form, given in others.items():
        for option, value in given.items():
            if value:
                raise UserError(f"{option}: belongs to {form}; leave it out")
    if args.format is None and args.input is None:
        raise UserError("--input: name the checkpoint, or write a network: --format onnx")
    if args.format and args.output.endswith(".py"):
        raise UserError(f"--output {args.output}: is where the script goes; name the network's file")


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]*)x([1-9][0-9]*)", text)
    if not found or min(map(int, found.groups())) < 17:
        raise argparse.ArgumentTypeError(f"{text}: give HEIGHTxWIDTH, from 17 pixels a side, such as 480x640")
    return int(found[1]), int(found[2])
