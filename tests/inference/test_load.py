"""Models optimised for inference: the same results as before in float32, close ones in bfloat16."""

import logging

import pytest
import torch
from detectron2.layers import FrozenBatchNorm2d
from detectron2.modeling import build_model

from constrained_rcnn.config import load_config
from constrained_rcnn.inference import load
from constrained_rcnn.inference.load import load_for_inference, prepare
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from tests.helpers.tiny import sample, tiny_cfg, tiny_model


def frozen_norms(model) -> list[FrozenBatchNorm2d]:
    return [m for m in model.modules() if isinstance(m, FrozenBatchNorm2d)]


@pytest.mark.parametrize("name", ["constrained_rcnn_R_50_C4.yaml", "constrained_rcnn_R_50_C4_tensorflow.yaml"])
@torch.no_grad()
def test_norms_are_folded_without_a_change(name):
    torch.manual_seed(0)
    model = build_model(load_config(config_file(name), ["MODEL.WEIGHTS", "", "MODEL.DEVICE", "cpu"])).eval()
    for norm in frozen_norms(model):
        for statistic in (norm.weight, norm.running_var):
            statistic.uniform_(0.3, 0.6)
        for shift in (norm.bias, norm.running_mean):
            shift.uniform_(-0.3, 0.3)
    image, crops = torch.rand(1, 3, 96, 128) * 255 - 128, torch.rand(2, 1024, 7, 7)

    def features():
        return {**model.backbone(image), "res5": model.roi_heads.res5(crops), "m": model.roi_heads.mask_res5(crops)}

    original = features()
    assert prepare(model) is model
    for key, feature in features().items():
        assert (feature - original[key]).abs().max() <= 1e-5 * original[key].abs().max(), key
    assert frozen_norms(model) == []
    assert not any(p.requires_grad for p in model.parameters())


@torch.no_grad()
def test_the_small_network_is_the_same_too():
    model, item = tiny_model().eval(), sample(96, 128)
    original = model([item])[0]["manipulation_map"]
    prepared = prepare(model)([item])[0]["manipulation_map"]
    assert original.max() > 0
    assert torch.allclose(original, prepared, atol=1e-4)


@torch.no_grad()
def test_bfloat16_is_what_autocast_gives_and_stays_inside_the_model():
    item, plain, fast = sample(96, 128), tiny_model().eval(), tiny_model("TEST.BFLOAT16", "True").eval()
    with torch.autocast("cpu", torch.bfloat16):
        (expected,) = plain.inference([item], do_postprocess=False)
    (raw,) = fast.inference([item], do_postprocess=False)
    assert torch.equal(raw.pred_boxes.tensor, expected.pred_boxes.tensor)
    output, exact = fast([item])[0], plain([item])[0]
    for values in (output["manipulation_map"], output["instances"].scores, output["instances"].soft_masks):
        assert values.dtype == torch.float32
    assert 0 < (output["manipulation_map"] - exact["manipulation_map"]).abs().mean() < 0.01


def test_bfloat16_without_instructions_is_said(tmp_path, monkeypatch, caplog):
    ManipulationCheckpointer(tiny_model(), str(tmp_path)).save("model")
    weights = ("MODEL.WEIGHTS", str(tmp_path / "model.pth"))
    monkeypatch.setattr(load, "multiplies_bfloat16", lambda: False)
    caplog.clear()  # of what saving has said where a test before this one has turned the log up
    with caplog.at_level(logging.WARNING, logger="constrained_rcnn"):
        load_for_inference(tiny_cfg(*weights))
        assert caplog.text == ""
        load_for_inference(tiny_cfg(*weights, "TEST.BFLOAT16", "True"))
    assert "no bfloat16 instructions" in caplog.text
