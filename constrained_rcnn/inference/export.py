"""Writes the network as ONNX or as a program of torch.export, with what its results mean."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import warnings

import numpy as np
import torch

from ..config_text import config_sha256, config_text
from ..modeling.exportable import ExportableNetwork
from ..utils.dependencies import require
from ..utils.errors import UserError
from ..utils.files import write_bytes_atomic
from ..utils.provenance import sha256, versions
from .predictor import ManipulationPredictor

FORMATS = ("onnx", "torch")
#: Of the ONNX operators; GroupNorm is one since 21, and ONNX Runtime runs them since 1.20.
OPSET = 21
#: Sides of the images that a network for any size is traced with, and tried on; odd, so that no part of them is round.
_TRACED, _TRIED = (231, 307), (181, 203)
#: Most that a box, in pixels, and anything else may differ from PyTorch's results on the image that it is tried on.
_BOXES_APART, _APART = 0.05, 1e-3


def export_network(cfg, path: str | os.PathLike, *, how: str = "onnx", size: tuple[int, int] | None = None) -> dict:
    """Exports a config's network with its weights, for the CPU, in float32.

    Args:
        cfg: with MODEL.WEIGHTS.
        path: of the file that is written, once it has been tried and agrees with PyTorch.
        how: one of ``FORMATS``.
        size: (height, width) of the only images that it takes; None: any.

    Returns:
        What the file says of itself.

    Raises:
        UserError: a network that cannot be exported, or a library that is missing.
    """
    if how == "onnx":
        for library in ("onnx", "onnxscript", "onnxruntime"):
            require(library, library, "ONNX files")
    cfg = cfg.clone()
    cfg.defrost()
    cfg.MODEL.DEVICE, cfg.TEST.BFLOAT16 = "cpu", False
    predictor = ManipulationPredictor(cfg)
    network = ExportableNetwork(predictor.model.to(memory_format=torch.contiguous_format)).eval()
    about = describe(predictor, size)
    program = _program(network, size, _inputs(network, size or _TRACED))
    tried = _inputs(network, size or _TRIED)
    with torch.no_grad():
        wanted = [output.numpy() for output in network(*tried)]
    if how == "torch":
        got = [output.detach().numpy() for output in _callable(program)(*tried)]
    else:
        data = _onnx(program, network, about)
        got = _run_onnx(data, tried)
    _check_agreement(network.outputs, wanted, got)
    if how == "onnx":
        write_bytes_atomic(path, data)
    else:
        _save_program(program, path, about)
    return about


def describe(predictor: ManipulationPredictor, size: tuple[int, int] | None) -> dict:
    """What an exported network says of itself, as plain values: how its inputs are made and what its outputs mean."""
    cfg, model, points = predictor.cfg, predictor.model, predictor.detector.operating_points
    return {
        "weights": {"file": os.path.basename(cfg.MODEL.WEIGHTS), "sha256": sha256(cfg.MODEL.WEIGHTS)},
        "config_sha256": config_sha256(cfg),
        "config": config_text(cfg),
        "versions": versions(),
        "outputs": ExportableNetwork(model).outputs,
        "size": size and list(size),
        "format": cfg.INPUT.FORMAT,
        "qualities": list(model.dense_map.qualities) if model.dense_map is not None else [],
        "classes": list(predictor.classes),
        "score_weighted": model.score_weighted,
        "fusion": {"how": model.fusion, "exponent": model.exponent},
        "augmentations": [dataclasses.asdict(one) for one in predictor.detector.augmentations],
        "tiles_above": cfg.TEST.TILES.MAX_PIXELS,
        "max_pixels": cfg.INPUT.MAX_PIXELS,
        "copy_moves": cfg.TEST.REPEATS,
        "threshold": predictor.threshold,
        "operating_points": None if points is None else points.to_metadata(),
    }


def _inputs(network: ExportableNetwork, size: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    """An image of noise and slopes, and changes, as :meth:`ExportableNetwork.forward` takes them."""
    rng = np.random.default_rng(0)
    slope = np.add.outer(np.linspace(0, 90, size[0]), np.linspace(0, 90, size[1]))[:, :, None]
    image = (slope + rng.integers(0, 60, (*size, 3))).astype(np.uint8)
    dense = network.model.dense_map
    if dense is None or not dense.qualities:
        return (torch.from_numpy(image),)
    changes = rng.integers(0, 12, (len(dense.qualities), *size)).astype(np.uint8)
    return torch.from_numpy(image), torch.from_numpy(changes)


def _program(network: ExportableNetwork, size, inputs) -> torch.export.ExportedProgram:
    any_size = torch.export.Dim.DYNAMIC
    shapes = ({0: any_size, 1: any_size}, {1: any_size, 2: any_size})[: len(inputs)] if size is None else None
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torchvision's operators and of scripts in Detectron2
            return torch.export.export(network, inputs, dynamic_shapes=shapes)
    except Exception as error:  # of any kind, with pages of advice to who wrote the network
        raise _cannot(error) from error


def _callable(program: torch.export.ExportedProgram):
    """Without the guards of a program for any size: some hold for sizes like the traced one alone, and say nothing."""
    return program.module(check_guards=False)


def _onnx(program, network: ExportableNetwork, about: dict) -> bytes:
    from .onnx_file import finished

    names = ["image", "changes"][: len(program.graph_signature.user_inputs)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=OPSET,
                input_names=names,
                output_names=network.outputs,
                verbose=False,
            )
    except Exception as error:
        raise _cannot(error) from error
    return finished(exported.model_proto, about)


def _run_onnx(data: bytes, inputs: tuple[torch.Tensor, ...]) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {one.name: value.numpy() for one, value in zip(session.get_inputs(), inputs)})


def _save_program(program: torch.export.ExportedProgram, path: str | os.PathLike, about: dict) -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that are parts of others
        torch.export.save(program, buffer, extra_files={"constrained_rcnn.json": json.dumps(about, indent=2)})
    write_bytes_atomic(path, buffer.getvalue())


def _check_agreement(names, wanted, got) -> None:
    for name, ours, theirs in zip(names, wanted, got):
        apart = float(np.abs(ours.astype(float) - theirs).max())
        if not apart <= (_BOXES_APART if name == "boxes" else _APART):
            raise UserError(f"the exported network gives other results than PyTorch ({name}: {apart:.2g} apart); "
                            "nothing was written")  # fmt: skip


def _cannot(error: Exception) -> UserError:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()
    said = next((line.strip() for line in lines if line.strip()), "")
    return UserError(f"this network cannot be exported: {type(error).__name__}: {said[:200]}")
