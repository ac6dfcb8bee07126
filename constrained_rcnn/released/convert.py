"""A released TensorFlow checkpoint becomes one of this project: what the conversion tool does."""

from __future__ import annotations

import os
import re

import numpy as np
import torch

from ..data.techniques import TAMPERED, TECHNIQUES
from ..modeling.checkpoint import write_checkpoint
from ..utils.errors import UserError
from .boxes import WIDTH_OFFSET
from .checkpoint_reader import TensorFlowCheckpoint, open_checkpoint
from .variables import UNITS, classes_of, released_variables

#: Names shown per kind of problem.
SHOWN = 20
#: First names of a mask branch's variables.
MASK_SCOPES = ("mask_conv/", "mask_predict/", "feature_fuse/")


def convert(source: str | os.PathLike, target: str | os.PathLike) -> dict:
    """Converts a checkpoint.

    Args:
        source: ``MODEL.ckpt``, in TensorFlow's V2 format.
        target: ``.pth`` file to write, whole or not at all.

    Returns:
        The metadata stored with the weights: architecture ("tensorflow"), depth, classes, mask_branch, source.

    Raises:
        UserError: not a checkpoint of the released network, or a damaged one; or ``target`` cannot be written.
    """
    folder = os.path.dirname(os.path.abspath(target))
    if not os.path.isdir(folder):
        raise UserError(f"{target}: there is no folder {folder}; make it first")
    checkpoint = open_checkpoint(source)
    depth, classes, masks = describe(checkpoint)
    model = read_parameters(checkpoint, depth, classes, masks)
    metadata = {
        "architecture": "tensorflow",
        "depth": depth,
        "classes": list(classes_of(classes)[0]),
        "mask_branch": masks,
        "source": os.path.basename(checkpoint.prefix),
    }
    try:
        write_checkpoint({"model": model, "metadata": metadata}, target)
    except (OSError, RuntimeError) as error:
        raise UserError(f"{target}: cannot be written ({error}); choose another place") from error
    return metadata


def config_for(metadata: dict) -> tuple[str, list[str]]:
    """The config a converted checkpoint belongs to.

    Args:
        metadata: as :func:`convert` returns it.

    Returns:
        The config's name and ``KEY VALUE ...`` overrides.
    """
    options = []
    if len(metadata["classes"]) != len(TECHNIQUES):
        options += ["MODEL.ROI_HEADS.NUM_CLASSES", str(len(metadata["classes"]))]
    if metadata["classes"] == [TAMPERED]:
        options += ["DATASETS.MERGE_TECHNIQUES", "True"]
    if not metadata["mask_branch"]:
        options += ["MODEL.MASK_ON", "False", "TEST.DETECTIONS_PER_IMAGE", "100"]
    return f"constrained_rcnn_R_{metadata['depth']}_C4_tensorflow.yaml", options


def describe(checkpoint: TensorFlowCheckpoint) -> tuple[int, int, bool]:
    """Finds out which of the released networks a checkpoint holds.

    Returns:
        Depth (50 or 101), number of classes without authentic, and whether there is a mask branch.

    Raises:
        UserError: it is none of them.
    """
    depths = [d for d in UNITS if f"resnet_v1_{d}/cls_score/weights" in checkpoint.entries]
    if len(depths) != 1:
        raise UserError(
            f"{checkpoint.prefix}: has no variable resnet_v1_101/cls_score/weights (nor that of 50 layers) among its "
            f"{len(checkpoint.entries)}; give a checkpoint of the released Constrained R-CNN"
        )
    shape = checkpoint.entries[f"resnet_v1_{depths[0]}/cls_score/weights"].shape
    if len(shape) != 2 or not 2 <= shape[1] <= 1000:
        raise UserError(f"{checkpoint.prefix}: cls_score/weights has shape {list(shape)}, not [2048, classes]")
    return depths[0], shape[1] - 1, any(name.startswith(MASK_SCOPES) for name in checkpoint.entries)


def read_parameters(checkpoint: TensorFlowCheckpoint, depth: int, classes: int, masks: bool) -> dict[str, torch.Tensor]:
    """Reads and converts every variable, after checking names and shapes of all.

    Returns:
        From parameter name to float32 tensor: a state dict of the ``*_tensorflow.yaml`` config.

    Raises:
        UserError: missing, unexpected or mis-shaped variables, by name; damaged data; numbers that are not finite.
    """
    variables = released_variables(depth, classes, masks)
    _check(checkpoint, variables)
    model = {"roi_heads.box_predictor.width_offset": torch.tensor([WIDTH_OFFSET])}
    for name, variable in variables.items():
        array = checkpoint.read(name)
        if not np.isfinite(array).all():
            raise UserError(f"{checkpoint.prefix}: variable {name} holds infinite or undefined numbers")
        if name == "noise/constrained_conv/biases" and array.any():
            raise UserError(f"{checkpoint.prefix}: variable {name} is not zero, as it is in every released checkpoint")
        if variable.parameter is not None:
            model[variable.parameter] = torch.from_numpy(np.ascontiguousarray(variable.convert(array)))
    return model


def _check(checkpoint: TensorFlowCheckpoint, variables: dict) -> None:
    """Compares names and shapes; what only a training run needs (momentum, learning rate) may be there too."""
    shapes = {name: entry.shape for name, entry in checkpoint.entries.items()}
    slots = {f"{name}/Momentum" for name in variables}
    problems = {
        "missing": [name for name in variables if name not in shapes],
        "unexpected": [
            name
            for name, shape in shapes.items()
            if name not in variables
            and name not in slots
            and not (re.fullmatch(r"Variable(_\d+)?", name) and shape == ())
        ],
        "mis-shaped": [
            f"{name} {list(shapes[name])} instead of {list(variable.shape)}"
            for name, variable in variables.items()
            if name in shapes and shapes[name] != variable.shape
        ],
    }
    if any(problems.values()):
        parts = [f"{len(names)} {kind}: {_listed(names)}" for kind, names in problems.items() if names]
        raise UserError(f"{checkpoint.prefix}: not a whole checkpoint of the released network; {'; '.join(parts)}")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
