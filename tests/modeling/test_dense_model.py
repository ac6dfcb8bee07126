"""The model with a dense path and a decision head: losses, results, and that all else stays as it was."""

import numpy as np
import pytest
import torch
from detectron2.utils.events import EventStorage

from constrained_rcnn.modeling.checkpoint import DENSE_PATH
from constrained_rcnn.modeling.manipulation_map import merge_instances
from tests.helpers.tiny import DENSE, sample, tiny_model
from tests.modeling.test_dense_map import plain_loss

BOX = (10, 12, 60, 50)
OWN = {"loss_dense_map", "loss_decision"}


def train_losses(model, batch):
    torch.manual_seed(7)
    with EventStorage(0):
        return model.train()(batch)


@pytest.mark.parametrize(
    "batch", [[sample(53, 71, [BOX]), sample(64, 48)], [sample(53, 71), sample(48, 48)]], ids=["mixed", "authentic"]
)
def test_training_gives_finite_losses_and_every_gradient(batch):
    model = tiny_model(*DENSE)
    losses = train_losses(model, batch)
    assert OWN <= set(losses) and len(losses) == 7
    assert all(torch.isfinite(value) and value.dtype == torch.float32 for value in losses.values())
    sum(losses.values()).backward()
    trained = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert [name for name, grad in trained.items() if grad is None or not grad.isfinite().all()] == []
    of_dense_path = [name for name in trained if name.startswith(DENSE_PATH)]
    assert len(of_dense_path) > 15 and all(trained[name].abs().max() > 0 for name in of_dense_path)


def test_losses_are_those_of_the_padded_batch():
    """Two sizes in one batch: what padding adds to an image counts as authentic."""
    model, batch = tiny_model(*DENSE), [sample(53, 71, [BOX]), sample(64, 48, [(0, 40, 30, 64)], seed=1)]
    losses = train_losses(model, batch)
    masks = torch.zeros(2, 64, 71)
    masks[0, 12:50, 10:60] = 1
    masks[1, 40:64, 0:30] = 1
    with torch.no_grad():
        images = model.preprocess_image(batch)
        features = model.backbone(images.tensor)
        model.proposal_generator.attend(images, features)
        logits, feature = model.dense_map(features)
        decisions = model.decision(logits, feature)
    assert float(losses["loss_dense_map"].detach()) == pytest.approx(plain_loss(logits, masks), abs=1e-4)
    assert float(losses["loss_decision"].detach()) == pytest.approx(
        float(torch.log1p(torch.exp(-decisions)).mean()), abs=1e-5
    )


@torch.no_grad()
def test_result_contract():
    item = sample(53, 71)
    item.update(height=106, width=142)  # the original image was twice as large
    (result,) = tiny_model(*DENSE).eval()([item])
    for name in ("manipulation_map", "dense_map"):
        manipulation_map = result[name]
        assert (
            manipulation_map.shape == (106, 142)
            and manipulation_map.dtype == torch.float32
            and 0 <= manipulation_map.min()
            and manipulation_map.max() <= 1
        )
    assert isinstance(result["decision"], float) and 0 < result["decision"] < 1
    assert result["manipulation_score"] == result["decision"] != float(result["manipulation_map"].max())
    assert (result["manipulation_map"] >= result["dense_map"]).all()  # the maximum of the two


@torch.no_grad()
def test_batch_mates_do_not_change_a_result():
    model = tiny_model(*DENSE).eval()
    batch = [sample(53, 71, seed=1), sample(64, 48, seed=2), sample(53, 71, seed=3)]
    for item, batched in zip(batch, model(batch)):
        (single,) = model([item])
        for name in ("manipulation_map", "dense_map"):
            assert torch.allclose(single[name], batched[name], atol=1e-4)
        assert single["decision"] == pytest.approx(batched["decision"], abs=1e-5)


@torch.no_grad()
def test_without_it_parameters_and_results_are_as_in_the_paper():
    model, plain = tiny_model(*DENSE).eval(), tiny_model(seed=1).eval()
    assert not any(name.startswith(DENSE_PATH) for name in plain.state_dict())
    shared = {name: value for name, value in model.state_dict().items() if not name.startswith(DENSE_PATH)}
    plain.load_state_dict(shared)  # strict: names and shapes are the same
    item = sample(53, 71)
    (result_with,), (result_without,) = model([item]), plain([item])
    assert result_without["dense_map"] is None and result_without["decision"] is None
    assert result_without["manipulation_score"] == float(result_without["manipulation_map"].max())
    first, second = result_with["instances"], result_without["instances"]
    assert len(second) > 0 and torch.equal(first.pred_boxes.tensor, second.pred_boxes.tensor)
    assert torch.equal(first.soft_masks, second.soft_masks) and torch.equal(first.scores, second.scores)
    pasted = merge_instances(second.pred_boxes.tensor, second.soft_masks, second.manipulation_scores, 53, 71)
    assert torch.equal(result_without["manipulation_map"], pasted)
    for fusion, expected in {
        "boxes": pasted, "dense": result_with["dense_map"], "mean": (pasted + result_with["dense_map"]) / 2,
        "max": torch.maximum(pasted, result_with["dense_map"]),
    }.items():  # fmt: skip
        for model.fusion, model.exponent in ((fusion, 1.0), (fusion, 0.5)):
            (result,) = model([item])
            assert torch.allclose(result["manipulation_map"], expected**model.exponent, atol=1e-6), fusion
            assert torch.equal(result["dense_map"], result_with["dense_map"])


@torch.no_grad()
def test_a_dense_map_without_a_decision_head():
    model = tiny_model(*DENSE, "MODEL.DECISION_HEAD.ENABLED", "False", "MODEL.DENSE_MAP.FUSION", "mean").eval()
    assert model.fusion == "mean" and model.decision is None
    (result,) = model([sample(53, 71)])
    assert result["decision"] is None
    assert result["manipulation_score"] == float(result["manipulation_map"].max())
    assert set(train_losses(model, [sample(48, 48, [(8, 8, 40, 40)])])) & OWN == {"loss_dense_map"}


def test_learns_one_image_by_heart():
    """Map and decision follow the truth: another noise level inside, and an authentic image beside it."""
    model = tiny_model(*DENSE)
    forged, authentic = sample(64, 64, [(16, 16, 48, 48)], seed=1), sample(64, 64, seed=2)
    patch = forged["image"][:, 16:48, 16:48]
    patch[:] = patch // 8 + 100
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.002)
    for _ in range(25):
        losses = train_losses(model, [forged, authentic])
        optimizer.zero_grad()
        sum(value for name, value in losses.items() if name in OWN).backward()
        optimizer.step()
    model.eval().fusion = "dense"
    with torch.no_grad():
        first, second = model([forged, authentic])
    manipulation_map = first["manipulation_map"].numpy()
    inside = np.zeros((64, 64), bool)
    inside[20:44, 20:44] = True
    outside = np.ones((64, 64), bool)
    outside[12:52, 12:52] = False
    assert manipulation_map[inside].mean() > manipulation_map[outside].mean() + 0.4
    assert first["decision"] > 0.7 > 0.3 > second["decision"]


def test_bfloat16_in_training_is_of_the_convolutions_alone():
    model, batch, dtypes = tiny_model(*DENSE), [sample(64, 64, [(8, 8, 40, 40)])], {}
    for name in ("backbone.res2.0.conv1", "dense_map.fuse4.0", "dense_map.predictor", "decision.layers.0"):
        hook = lambda module, inputs, output, name=name: dtypes.update({name: output.dtype})  # noqa: E731
        model.get_submodule(name).register_forward_hook(hook)
    exact = {name: float(value.detach()) for name, value in train_losses(model, batch).items()}
    model.bfloat16_training = True
    losses = train_losses(model, batch)
    assert list(dtypes.values()) == [torch.bfloat16] * 2 + [torch.float32] * 2
    sum(losses.values()).backward()
    for name, value in losses.items():
        assert value.dtype == torch.float32
        assert float(value.detach()) == pytest.approx(exact[name], rel=0.05, abs=0.05), name
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in model.parameters())
    with torch.no_grad():
        assert model.eval()([batch[0]])[0]["dense_map"].dtype == torch.float32
    assert dtypes["backbone.res2.0.conv1"] == torch.float32  # TEST.BFLOAT16 is another matter
