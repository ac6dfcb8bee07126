"""Checkpoints: kept, loaded, and fitted to another network."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch

from constrained_rcnn.modeling.checkpoint import DENSE_PATH, ManipulationCheckpointer, export_weights, read_checkpoint
from constrained_rcnn.utils.errors import UserError
from tests.helpers.checkpoints import saved
from tests.helpers.tiny import DENSE, tiny_model


def test_round_trip_with_metadata(tmp_path):
    path = saved(tiny_model(seed=1), tmp_path, metadata={"classes": ["splice"]})
    model = tiny_model(seed=2)
    extra = ManipulationCheckpointer(model).load_strictly(path)
    assert extra["metadata"] == {"classes": ["splice"]}
    for name, value in tiny_model(seed=1).state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    assert sorted(os.listdir(tmp_path)) == ["last_checkpoint", "model_final.pth"]


def test_an_interrupted_save_leaves_the_old_one(tmp_path, monkeypatch):
    model = tiny_model()
    path = saved(model, tmp_path)
    content = open(path, "rb").read()

    def dies(data, target):
        target.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", dies)
    with pytest.raises(KeyboardInterrupt):
        saved(model, tmp_path)
    assert open(path, "rb").read() == content and len(os.listdir(tmp_path)) == 2
    assert (tmp_path / "last_checkpoint").read_text() == "model_final.pth"


def test_training_tolerates_classes_and_mask_branch_in_one_log_line(tmp_path, caplog):
    stage1 = tiny_model("MODEL.MASK_ON", "False", "MODEL.ROI_HEADS.NUM_CLASSES", "1", seed=1)
    path = saved(stage1, tmp_path)
    model = tiny_model(seed=2)
    head = model.roi_heads.box_predictor.cls_score.weight.clone()
    with caplog.at_level("INFO", logger="constrained_rcnn"):
        ManipulationCheckpointer(model).load_for_training(path)
    messages = [r.getMessage() for r in caplog.records if "training starts without" in r.getMessage()]
    assert len(messages) == 1 and "roi_heads.mask_" in messages[0] and "box_predictor" in messages[0]
    for name, value in stage1.backbone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name
    assert torch.equal(model.roi_heads.box_predictor.cls_score.weight, head)
    for name, value in model.roi_heads.res5.state_dict().items():
        assert torch.equal(model.roi_heads.mask_res5.state_dict()[name], value)


def test_training_keeps_a_mask_branch_that_is_there(tmp_path):
    path = saved(tiny_model("MODEL.ROI_HEADS.NUM_CLASSES", "1", seed=1), tmp_path)
    model = tiny_model(seed=2)
    ManipulationCheckpointer(model).load_for_training(path)
    expected = tiny_model("MODEL.ROI_HEADS.NUM_CLASSES", "1", seed=1).roi_heads.mask_res5.state_dict()
    for name, value in expected.items():
        assert torch.equal(model.roi_heads.mask_res5.state_dict()[name], value)


@pytest.mark.parametrize(
    "options",
    [["MODEL.ROI_HEADS.NUM_CLASSES", "1"], ["MODEL.MASK_ON", "False"], ["MODEL.ATTENTION_RPN.ENABLED", "False"]],
)
def test_evaluation_tolerates_nothing(tmp_path, options):
    path = saved(tiny_model(*options), tmp_path)
    with pytest.raises(UserError, match="does not fit the model") as error:
        ManipulationCheckpointer(tiny_model()).load_strictly(path)
    assert "\n" not in str(error.value) and path in str(error.value)


def test_training_may_begin_without_the_dense_path_or_leave_it(tmp_path, caplog):
    """From boxes only to both, and back; predicting tolerates neither."""
    boxes_only, with_dense = saved(tiny_model(seed=1), tmp_path, "a"), saved(tiny_model(*DENSE, seed=1), tmp_path, "b")
    for path, options, kind in ((boxes_only, DENSE, "missing"), (with_dense, (), "unexpected")):
        model = tiny_model(*options, seed=2)
        initial = {name: value.clone() for name, value in model.state_dict().items() if name.startswith(DENSE_PATH)}
        caplog.clear()
        with caplog.at_level("INFO", logger="constrained_rcnn"):
            ManipulationCheckpointer(model).load_for_training(path)
        (message,) = [r.getMessage() for r in caplog.records if "training starts without" in r.getMessage()]
        assert f" {kind} (decision." in message
        stored = read_checkpoint(path)["model"]
        for name, value in model.state_dict().items():
            assert torch.equal(value, initial[name] if name in initial else stored[name]), name
        with pytest.raises(UserError, match=f"{kind} "):
            ManipulationCheckpointer(tiny_model(*options)).load_strictly(path)


def test_training_refuses_another_backbone(tmp_path):
    path = saved(tiny_model("MODEL.CONSTRAINED_CONV.ENABLED", "False"), tmp_path)
    with pytest.raises(UserError, match="backbone.constrained_conv.weight"):
        ManipulationCheckpointer(tiny_model()).load_for_training(path)


def channels(count: int, with_rgb: bool = False) -> list[str]:
    return ["MODEL.CONSTRAINED_CONV.CHANNELS", str(count), "MODEL.CONSTRAINED_CONV.WITH_RGB", str(with_rgb)]


@pytest.mark.parametrize(
    "narrow, wide, first",
    [((3,), (5,), 0), ((3,), (3, True), 3), ((2,), (9, True), 3), ((1, True), (5, True), 0)],
)
@torch.no_grad()
def test_training_in_a_wider_stem_begins_as_the_narrower_network(tmp_path, caplog, narrow, wide, first):
    source = tiny_model(*channels(*narrow), seed=1)
    path = saved(source, tmp_path)
    model = tiny_model(*channels(*wide), seed=2)
    with caplog.at_level("INFO", logger="constrained_rcnn"):
        ManipulationCheckpointer(model).load_for_training(path)
    assert len([r for r in caplog.records if "the others start at zero" in r.getMessage()]) == 1
    image = torch.rand(1, 3, 48, 48) * 20
    expected, features = source.backbone(image), model.backbone(image)
    for name in expected:
        assert torch.allclose(features[name], expected[name], atol=1e-4), name
    stem, source_weight = (x.backbone.stem.conv1.weight for x in (model, source))
    assert torch.equal(stem[:, first : first + source_weight.shape[1]], source_weight)
    assert stem.requires_grad and stem.abs().sum((0, 2, 3)).count_nonzero() == source_weight.shape[1]
    with pytest.raises(UserError, match="of another shape"):
        ManipulationCheckpointer(tiny_model(*channels(*wide))).load_strictly(path)


@pytest.mark.parametrize("narrow, wide", [((5,), (3,)), ((1, True), (9,)), ((5,), (3, True))])
def test_channels_that_have_no_place_are_refused(tmp_path, narrow, wide):
    path = saved(tiny_model(*channels(*narrow)), tmp_path)
    with pytest.raises(UserError, match="of another shape"):
        ManipulationCheckpointer(tiny_model(*channels(*wide))).load_for_training(path)


@pytest.mark.parametrize(
    "name, form", [("conv1_w", {}), ("stem.conv1.weight", {"__author__": "Detectron2", "matching_heuristics": True})]
)
@pytest.mark.parametrize("options", [(5,), (2, True)])
def test_imagenet_weights_go_to_the_first_channels(tmp_path, name, form, options):
    model = tiny_model(*channels(*options))
    kernels = np.random.default_rng(0).normal(size=(32, 3, 7, 7)).astype(np.float32)
    weights = {"model": {name: kernels}, **form} if form else {name: kernels}
    (tmp_path / "R.pkl").write_bytes(pickle.dumps(weights))
    ManipulationCheckpointer(model, trust_pickled_weights=True).load_for_training(str(tmp_path / "R.pkl"))
    stem = model.backbone.stem.conv1.weight
    assert torch.equal(stem[:, :3], torch.from_numpy(kernels)) and not stem[:, 3:].any()


def test_exported_weights_predict_the_same_and_carry_their_terms(tmp_path):
    model = tiny_model()
    ManipulationCheckpointer(model, str(tmp_path), metadata={"classes": ["a"]}).save("model", iteration=7)
    source = tmp_path / "model.pth"
    for half in (False, True):
        metadata = export_weights(source, tmp_path / "out.pth", half=half, licence="CC0")
        assert metadata == {"classes": ["a"], "licence": "CC0"}
        assert read_checkpoint(tmp_path / "out.pth").keys() == {"model", "metadata"}
        other = tiny_model(seed=1)
        ManipulationCheckpointer(other).load_strictly(str(tmp_path / "out.pth"))
        for key, value in model.state_dict().items():
            assert other.state_dict()[key].dtype == value.dtype
            near = {"rtol": 1e-3, "atol": 1e-4} if half else {"rtol": 0, "atol": 0}
            assert torch.allclose(other.state_dict()[key], value, **near), key
    assert (tmp_path / "out.pth").stat().st_size < 0.6 * source.stat().st_size
    with pytest.raises(UserError, match="name another file"):
        export_weights(source, source)
