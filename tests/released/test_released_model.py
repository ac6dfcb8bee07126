"""The released network where users meet it: predictors, evaluation, batches, training."""

import copy

import cv2
import numpy as np
import pytest
import torch
from detectron2.engine import DefaultPredictor
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from constrained_rcnn.config import load_config
from constrained_rcnn.data.mapper import ManipulationDatasetMapper
from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.inference.load import multiplies_bfloat16
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from constrained_rcnn.utils.errors import UserError
from tests.helpers.released_files import released_cfg
from tests.helpers.tiny import sample
from tests.released.test_released_golden import HERE

IMAGE = HERE / "probe_generated.png"
#: Few proposals, so that a training step takes a second.
SMALL = [
    "MODEL.DEVICE", "cpu", "MODEL.RPN.POST_NMS_TOPK_TRAIN", "20", "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE", "8",
    "MODEL.GUIDED_MASK.BATCH_SIZE_PER_IMAGE", "2",
]  # fmt: skip


@pytest.fixture(scope="module")
def golden_map():
    return np.load(HERE / "golden50_generated.npz")["merged"]


def test_both_predictors(weights_50, golden_map):
    predictor = ManipulationPredictor(released_cfg(50, weights_50))
    assert predictor.classes == TECHNIQUES
    result = predictor(IMAGE)
    assert np.abs(result.manipulation_map - golden_map).max() <= 2e-3
    assert result.score == pytest.approx(golden_map.max(), abs=2e-3)
    # All eight boxes of the golden output are of the released class 3.
    assert {d.technique for d in result.detections} == {"copy-move"}
    rows = np.load(HERE / "golden50_generated.npz")["mask_data"]
    assert result.detections[0].score == pytest.approx(rows[:, 5].max(), abs=1e-3)

    output = DefaultPredictor(released_cfg(50, weights_50))(cv2.imread(str(IMAGE)))
    assert np.abs(output["manipulation_map"].numpy() - golden_map).max() <= 2e-3
    assert np.abs(output["manipulation_map"].numpy() - result.manipulation_map).max() <= 1e-5
    boxes = output["instances"].pred_boxes.tensor.numpy()
    for detection in result.detections:
        assert np.abs(boxes - detection.box).max(axis=1).min() < 1e-2


def test_evaluation_hands_over_the_image_as_it_is(model_50, golden_map):
    mapper = ManipulationDatasetMapper(released_cfg(50, ""), is_train=False)
    item = mapper({"file_name": str(IMAGE), "height": 240, "width": 352})
    assert item["image"].dtype == torch.uint8 and item["image"].shape == (3, 240, 352)
    with torch.no_grad():
        (result,) = model_50([item])
    assert np.abs(result["manipulation_map"].numpy() - golden_map).max() <= 2e-3


@torch.no_grad()
def test_batch_mates_do_not_change_a_result(model_50):
    """Nor their masks, although a mask depends on the other boxes of its own image."""
    first, second = sample(300, 300, seed=1), sample(300, 300, seed=2)
    single = model_50([second])[0]["manipulation_map"]
    batched = model_50([first, second])[1]["manipulation_map"]
    # Where rounding moves a box over a pixel border one row may differ.
    assert (single - batched).abs().gt(1e-3).float().mean() < 0.02


@torch.no_grad()
def test_masks_of_given_boxes_and_a_result_at_another_size(model_50):
    instances = Instances(
        (300, 300), pred_boxes=Boxes(torch.tensor([[20.0, 30, 120, 140]])), pred_classes=torch.tensor([1])
    )
    item = {**sample(300, 300), "height": 150, "width": 200}
    (result,) = model_50.inference([item], [instances])
    assert result["manipulation_map"].shape == (150, 200) and result["instances"].pred_masks.shape == (1, 150, 200)
    assert result["manipulation_map"][75:].max() == 0 and result["manipulation_map"].max() > 0


@torch.no_grad()
def test_without_any_proposal(model_50):
    model = copy.copy(model_50)
    model._modules = dict(model_50._modules)
    rpn = copy.copy(model_50.proposal_generator)
    rpn.post_nms_topk = {True: 0, False: 0}
    model._modules["proposal_generator"] = rpn
    (result,) = model([sample(300, 320)])
    assert len(result["instances"]) == 0
    assert result["manipulation_map"].shape == (300, 320) and result["manipulation_score"] == 0


def train_two_steps(model, item) -> list[dict]:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    history = []
    with EventStorage(0):
        for _ in range(2):
            torch.manual_seed(0)
            losses = model.train()([item])
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
            history.append({name: float(value.detach()) for name, value in losses.items()})
    return history


def test_native_training_starts_from_a_converted_checkpoint(weights_50, caplog):
    """Everything but the mask predictor's norm comes along: names and layouts are the native model's."""
    cfg = load_config(config_file("constrained_rcnn_R_50_C4.yaml"), SMALL)
    model = build_model(cfg)
    with caplog.at_level("INFO", logger="constrained_rcnn"):
        ManipulationCheckpointer(model).load_for_training(str(weights_50))
    converted = torch.load(weights_50, weights_only=True)["model"]
    state = model.state_dict()
    assert {name for name in state if name not in converted} == {
        "roi_heads.mask_predictor.norm.weight", "roi_heads.mask_predictor.norm.bias",
    }  # fmt: skip
    for name, value in state.items():
        if name in converted:
            assert torch.equal(value, converted[name]), name
    initial = state["roi_heads.res5.0.conv1.weight"].clone()
    history = train_two_steps(model, sample(160, 192, [(20, 30, 100, 120)], [1]))
    assert all(np.isfinite(list(losses.values())).all() for losses in history)
    assert not torch.equal(model.state_dict()["roi_heads.res5.0.conv1.weight"], initial)


def test_native_evaluation_refuses_a_converted_checkpoint(weights_50, tmp_path):
    """Also one of stage 1, whose parameters all have native names and shapes."""
    model = build_model(load_config(config_file("constrained_rcnn_R_50_C4.yaml"), SMALL))
    with pytest.raises(UserError, match="does not fit the model"):
        ManipulationCheckpointer(model).load_strictly(str(weights_50))
    data = torch.load(weights_50, weights_only=True)
    data["model"] = {k: v for k, v in data["model"].items() if ".mask_" not in k}
    torch.save(data, tmp_path / "stage1.pth")
    stage1 = build_model(
        load_config(
            config_file("constrained_rcnn_R_50_C4_stage1.yaml"),
            [*SMALL, "MODEL.ROI_HEADS.NUM_CLASSES", "3", "DATASETS.MERGE_TECHNIQUES", "False"],
        )
    )
    with pytest.raises(UserError, match="1 unexpected .*width_offset"):
        ManipulationCheckpointer(stage1).load_strictly(str(tmp_path / "stage1.pth"))


def test_the_released_configuration_trains_too(weights_50):
    model = build_model(released_cfg(50, "", *SMALL))
    ManipulationCheckpointer(model).load_for_training(str(weights_50))
    kernel = model.backbone.constrained_conv.weight.clone()
    history = train_two_steps(model, sample(160, 192, [(20, 30, 100, 120)], [1]))
    assert all(np.isfinite(list(losses.values())).all() for losses in history)
    assert set(history[0]) == {"loss_rpn_cls", "loss_rpn_loc", "loss_cls", "loss_box_reg", "loss_mask"}
    assert torch.equal(model.backbone.constrained_conv.weight, kernel)  # it never learns
    without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_an_authentic_training_image_gives_every_mask_parameter_a_gradient(weights_50):
    model = build_model(released_cfg(50, "", *SMALL))
    ManipulationCheckpointer(model).load_for_training(str(weights_50))
    with EventStorage(0):
        sum(model.train()([sample(160, 160)]).values()).backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if ".mask_" in n and p.requires_grad)


@pytest.mark.skipif(not multiplies_bfloat16(), reason="no bfloat16 instructions: emulated, it takes minutes")
@torch.no_grad()
def test_bfloat16_keeps_the_map(model_50, golden_map, monkeypatch):
    """Everywhere for the boxes that float32 chooses, and on average; it may choose others, as likely."""
    item = {"image": torch.from_numpy(cv2.imread(str(IMAGE)).transpose(2, 0, 1).copy()), "height": 240, "width": 352}
    proposals = model_50.inference([item], do_postprocess=False)
    monkeypatch.setattr(model_50, "bfloat16", True)
    (free,), (same,) = model_50([item]), model_50.inference([item], proposals)
    assert free["manipulation_map"].dtype == torch.float32
    assert 0 < np.abs(same["manipulation_map"].numpy() - golden_map).max() < 0.02
    assert np.abs(free["manipulation_map"].numpy() - golden_map).mean() < 0.02
