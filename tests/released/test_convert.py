import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.modeling import build_model

from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.modeling.checkpoint import read_checkpoint
from constrained_rcnn.released.checkpoint_reader import FLOAT, Entry, TensorFlowCheckpoint
from constrained_rcnn.released.convert import config_for, convert, describe, read_parameters
from constrained_rcnn.released.variables import classes_of, released_variables
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import running
from tests.helpers.released_files import released_cfg, released_model, write_released
from tests.helpers.released_weights import weights_for

TOOL = Path(__file__).resolve().parents[2] / "tools" / "convert_tensorflow_checkpoint.py"
CLASS_KERNEL = "resnet_v1_50/cls_score/weights"


class Invented(TensorFlowCheckpoint):
    """A checkpoint without files: shapes from a list, numbers from the names, or as given."""

    def __init__(self, shapes: dict, **arrays):
        entries = {name: Entry(dtype=FLOAT, shape=tuple(shape)) for name, shape in shapes.items()}
        super().__init__("invented.ckpt", entries=entries)
        self.arrays = arrays

    def read(self, name):
        if name in self.arrays:
            return self.arrays[name]
        return weights_for(name, self.entries[name].shape, 7)


def shapes(depth=50, classes=3, masks=True) -> dict:
    return {name: v.shape for name, v in released_variables(depth, classes, masks).items()}


def parameters(checkpoint):
    return read_parameters(checkpoint, *describe(checkpoint))


def refusal(checkpoint) -> str:
    with pytest.raises(UserError, match="invented.ckpt") as error:
        parameters(checkpoint)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_list_of_variables_is_the_originals(variables_50):
    assert shapes() == {name: tuple(shape) for name, (shape, _) in variables_50.items()}


@pytest.mark.parametrize(
    "file, masks",
    [("variables_full_101", True), ("variables_stage1_101", False), ("variables_full_101_training", True)],
)
def test_the_lists_of_101_layers_too(parity, file, masks):
    content = json.loads((parity / f"{file}.json").read_text())
    variables = content["variables"] + content.get("solver_variables", [])
    checkpoint = Invented({v["name"]: v["shape"] for v in variables})
    assert describe(checkpoint) == (101, 3, masks)
    slots = {n for n in checkpoint.entries if n.endswith("/Momentum") or n == "Variable"}
    assert shapes(101, 3, masks) == {n: e.shape for n, e in checkpoint.entries.items() if n not in slots}
    assert len(slots) == (142 if "training" in file else 0)


def test_weights_are_those_of_the_golden_outputs(variables_50):
    for name, (shape, digest) in variables_50.items():
        assert hashlib.sha256(weights_for(name, shape, 7).tobytes()).hexdigest()[:16] == digest, name


@pytest.mark.parametrize("classes, masks", [(3, True), (3, False), (1, True)])
def test_converted_parameters_are_the_models(classes, masks):
    cfg = released_cfg(50, "", "MODEL.MASK_ON", str(masks), "MODEL.ROI_HEADS.NUM_CLASSES", str(classes))
    cfg.MODEL.DEVICE = "meta"
    with torch.device("meta"):
        expected = {name: value.shape for name, value in build_model(cfg).state_dict().items()}
    assert {name: value.shape for name, value in parameters(Invented(shapes(50, classes, masks))).items()} == expected


def test_metadata_and_file(weights_50, tmp_path):
    stored = read_checkpoint(weights_50)
    assert stored["metadata"] == {
        "architecture": "tensorflow",
        "depth": 50,
        "classes": list(TECHNIQUES),
        "mask_branch": True,
        "source": "model_50.ckpt",
    }
    assert sorted(p.suffix for p in weights_50.parent.iterdir()) == [".data-00000-of-00001", ".index", ".pth"]


def test_techniques_get_this_projects_order():
    """Released: authentic, splice, removal, copy-move. Here: splice, copy-move, removal, authentic."""
    kernel = np.zeros((2048, 4), np.float32) + np.arange(4)
    deltas = np.zeros((2048, 16), np.float32) + np.arange(16)
    model = parameters(Invented(shapes(), **{CLASS_KERNEL: kernel, "resnet_v1_50/bbox_pred/biases": deltas[0]}))
    assert classes_of(3)[0] == ("splice", "copy-move", "removal")
    assert model["roi_heads.box_predictor.cls_score.weight"][:, 0].tolist() == [1, 3, 2, 0]
    assert model["roi_heads.box_predictor.bbox_pred.bias"].tolist() == [4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11]


@pytest.mark.parametrize("count, names", [(1, ("tampered",)), (2, ("class 1", "class 2"))])
def test_other_numbers_of_classes(count, names):
    checkpoint = Invented(shapes(classes=count))
    assert describe(checkpoint) == (50, count, True)
    assert classes_of(count) == (names, list(range(1, count + 1)))


def test_pairs_under_a_softmax_become_differences():
    rpn = np.arange(24, dtype=np.float32) ** 2
    model = parameters(
        Invented(
            shapes(),
            **{"mask_predict/Conv_1/biases": np.array([2, 5], np.float32), "resnet_v1_50/rpn_cls_score/biases": rpn},
        )
    )
    assert model["roi_heads.mask_predictor.predictor.bias"].tolist() == [3]
    # Ours: the three ratios of the smallest size first; theirs: the four sizes of the first ratio.
    objectness = model["proposal_generator.rpn_head.objectness_logits.bias"].tolist()
    assert objectness[:4] == [rpn[12] - rpn[0], rpn[16] - rpn[4], rpn[20] - rpn[8], rpn[13] - rpn[1]]


def test_training_slots_are_skipped():
    slots = {"Variable": (), f"{CLASS_KERNEL}/Momentum": (2048, 4), "mask_predict/BatchNorm/beta/Momentum": (64,)}
    with_slots = parameters(Invented({**shapes(), **slots}))
    assert with_slots.keys() == parameters(Invented(shapes())).keys()


def test_missing_unexpected_and_mis_shaped_variables_are_named():
    wrong = shapes()
    del wrong["mask_predict/Conv/weights"], wrong["resnet_v1_50/conv1/BatchNorm/gamma"]
    wrong["resnet_v1_50/rpn_conv/3x3/biases"] = (256,)
    wrong["Variable_of_another_net"] = (1,)
    wrong["not_a_known_one/Momentum"] = (1,)
    message = refusal(Invented(wrong))
    assert (
        "2 missing: " in message
        and "mask_predict/Conv/weights" in message
        and "resnet_v1_50/conv1/BatchNorm/gamma" in message
    )
    assert (
        "2 unexpected: " in message and "Variable_of_another_net" in message and "not_a_known_one/Momentum" in message
    )
    assert "1 mis-shaped: resnet_v1_50/rpn_conv/3x3/biases [256] instead of [512]" in message


def test_a_long_list_is_cut():
    message = refusal(Invented({name: s for name, s in shapes().items() if not name.startswith("resnet_v1_50/block3")}))
    assert " missing: " in message and " and " in message and " more" in message and len(message) < 3000


def test_half_a_mask_branch_is_not_stage_one():
    half = {n: s for n, s in shapes().items() if not n.startswith("mask_conv/")}
    assert "missing: mask_conv/block4" in refusal(Invented(half))


@pytest.mark.parametrize("content", [{}, {"conv/weights": (1, 2)}, {CLASS_KERNEL: (2048,)}, {CLASS_KERNEL: (2048, 1)}])
def test_other_networks(content):
    refusal(Invented(content))


def test_numbers_that_cannot_be():
    nan = np.full((2048, 4), np.nan, np.float32)
    assert CLASS_KERNEL in refusal(Invented(shapes(), **{CLASS_KERNEL: nan}))
    bias = "noise/constrained_conv/biases"
    assert bias in refusal(Invented(shapes(), **{bias: np.ones(3, np.float32)}))


def test_damaged_data_leaves_no_file(tmp_path, prefix_50):
    for suffix in ("index", "data-00000-of-00001"):
        content = bytearray(Path(f"{prefix_50}.{suffix}").read_bytes())
        if suffix != "index":
            content[len(content) // 2] ^= 1
        (tmp_path / f"model.ckpt.{suffix}").write_bytes(content)
    with pytest.raises(UserError, match="checksum of .* is wrong"):
        convert(tmp_path / "model.ckpt", tmp_path / "out.pth")
    assert not list(tmp_path.glob("out*"))


def test_an_output_that_cannot_be(prefix_50, tmp_path):
    with pytest.raises(UserError, match="no folder"):
        convert(prefix_50, tmp_path / "nowhere" / "out.pth")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        convert(prefix_50, tmp_path / "folder.pth")


def test_stage_one_converts_and_runs(tmp_path):
    """At most 100 boxes, class by class not overlapping by more than 0.2; the map holds their scores."""
    write_released(tmp_path / "stage1.ckpt", 50, classes=1, masks=False)
    metadata = convert(tmp_path / "stage1.ckpt", tmp_path / "stage1.pth")
    assert metadata["classes"] == ["tampered"] and metadata["mask_branch"] is False
    config, options = config_for(metadata)
    assert config == "constrained_rcnn_R_50_C4_tensorflow.yaml"
    model = released_model(50, tmp_path / "stage1.pth", *options)
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 600, 620), dtype=np.uint8))
    with torch.no_grad():
        (result,) = model([{"image": image, "height": 600, "width": 620}])
    instances = result["instances"]
    assert 0 < len(instances) <= 100 and not instances.has("pred_masks")
    assert torch.equal(instances.scores, instances.scores.sort(descending=True)[0])
    x1, y1, x2, y2 = (instances.pred_boxes.tensor + torch.tensor([0, 0, 1, 1])).unbind(1)
    sides = [
        (torch.minimum(b[:, None], b) - torch.maximum(a[:, None], a)).clamp(min=0) for a, b in ((x1, x2), (y1, y2))
    ]
    area = (x2 - x1) * (y2 - y1)
    overlap = sides[0] * sides[1]
    assert (overlap / (area[:, None] + area - overlap)).fill_diagonal_(0).max() <= 0.2 + 1e-6
    assert result["manipulation_score"] == pytest.approx(float(instances.scores.max()))  # boxes filled with them


def run_tool(tmp_path, *arguments) -> subprocess.CompletedProcess:
    root = str(TOOL.parents[1])
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)


def test_the_command_line_says_bad_input_in_one_line(tmp_path):
    (tmp_path / "model.ckpt.index").write_bytes(b"\x80\x04not a checkpoint")
    ran = run_tool(tmp_path, "--input", "model.ckpt", "--output", "model.pth")
    assert ran.returncode == 2
    (line,) = [text for text in ran.stderr.splitlines() if "Warning" not in text and "warn" not in text]
    assert line.startswith("error: model.ckpt.index: ")
    assert sorted(os.listdir(tmp_path)) == ["model.ckpt.index"]


def test_the_command_line_converts(prefix_50, tmp_path, capsys):
    assert running("convert tensorflow")(["--input", str(prefix_50), "--output", str(tmp_path / "model.pth")]) == 0
    output = capsys.readouterr().out
    assert "50 layers" in output and "splice, copy-move, removal" in output and "model.pth" in output
    assert output.endswith("its config: constrained_rcnn_R_50_C4_tensorflow.yaml\n")
