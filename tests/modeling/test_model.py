import pytest
import torch
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from constrained_rcnn.evaluation.metrics.pixel import score_map_metrics
from tests.helpers.tiny import sample, tiny_cfg, tiny_model

BOX = (10, 12, 60, 70)


def train_losses(model, batch):
    torch.manual_seed(7)
    with EventStorage(0):
        return model.train()(batch)


@pytest.mark.parametrize(
    "batch",
    [
        [sample(96, 80, [BOX])],
        [sample(96, 80, [BOX], [2]), sample(64, 100), sample(96, 80, [BOX, (0, 0, 30, 30)], [1, 0])],
        [sample(64, 64), sample(80, 64)],
    ],
    ids=["one", "mixed", "authentic"],
)
@pytest.mark.parametrize("mask_on", ["True", "False"])
def test_training_gives_finite_losses_and_every_gradient(batch, mask_on):
    model = tiny_model("MODEL.MASK_ON", mask_on)
    losses = train_losses(model, batch)
    assert set(losses) == {"loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_rpn_loc"} | (
        {"loss_mask"} if mask_on == "True" else set()
    )
    assert all(torch.isfinite(v) for v in losses.values())
    sum(losses.values()).backward()
    without = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_no_foreground_means_no_mask_loss_but_zero_gradients():
    model = tiny_model()
    losses = train_losses(model, [sample(64, 64)])
    assert losses["loss_mask"] == 0
    losses["loss_mask"].backward()
    for name, parameter in model.roi_heads.named_parameters():
        if name.startswith("mask_"):
            assert parameter.grad is not None and parameter.grad.abs().max() == 0, name


def test_learns_one_image_by_heart():
    """The network can fit: the losses of both branches fall, and the mask of the true box is the truth."""
    model = tiny_model()
    item = sample(96, 96, [(16, 32, 80, 80)], [1], seed=1)
    patch = item["image"][:, 32:80, 16:80]
    patch[:] = patch // 8 + 100  # another noise level inside
    optimizer = torch.optim.SGD(model.parameters(), lr=0.005, momentum=0.9)
    first = None
    for _ in range(30):
        losses = train_losses(model, [item])
        first = first or {k: float(v.detach()) for k, v in losses.items()}
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    assert losses["loss_mask"] < 0.3 * first["loss_mask"]
    assert losses["loss_cls"] < 0.3 * first["loss_cls"]
    wide = Instances((96, 96), pred_boxes=Boxes(torch.tensor([[4.0, 20, 92, 92]])), pred_classes=torch.tensor([1]))
    with torch.no_grad():
        (result,) = model.eval().inference([item], [wide])
    truth = item["instances"].gt_complete_mask.tensor[0].numpy()
    assert score_map_metrics(result["manipulation_map"].numpy(), truth)["auc"] > 0.9


@torch.no_grad()
def test_result_contract():
    model = tiny_model().eval()
    item = sample(64, 96)
    item.update(height=128, width=192)  # the original image was twice as large
    result = model([item])[0]
    instances = result["instances"]
    assert result["manipulation_map"].shape == (128, 192) and result["manipulation_map"].dtype == torch.float32
    assert 0 <= result["manipulation_map"].min() and result["manipulation_map"].max() <= 1
    assert result["manipulation_score"] == float(result["manipulation_map"].max())
    assert instances.image_size == (128, 192) and 0 < len(instances) <= 8
    assert instances.pred_masks.shape == (len(instances), 128, 192) and instances.pred_masks.dtype == torch.bool
    assert instances.soft_masks.shape == (len(instances), 8, 8)
    assert instances.pred_boxes.tensor[:, 2].max() <= 192


@torch.no_grad()
def test_map_and_score_without_any_detection():
    model = tiny_model("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "1.0").eval()
    result = model([sample(64, 48)])[0]
    assert len(result["instances"]) == 0
    assert result["manipulation_map"].shape == (64, 48) and result["manipulation_score"] == 0.0


@torch.no_grad()
def test_stage_one_fills_boxes_with_their_scores():
    result = tiny_model("MODEL.MASK_ON", "False").eval()([sample(64, 64)])[0]
    assert not result["instances"].has("pred_masks")
    assert abs(result["manipulation_score"] - float(result["instances"].manipulation_scores.max())) < 1e-6


@torch.no_grad()
def test_manipulation_score_of_a_box_sums_its_techniques():
    model = tiny_model("TEST.DETECTIONS_PER_IMAGE", "100", "MODEL.ROI_HEADS.NMS_THRESH_TEST", "1.0").eval()
    model.roi_heads.box_predictor.bbox_pred.weight.zero_()  # each proposal's three boxes coincide
    instances = model([sample(64, 64)])[0]["instances"]
    boxes = instances.pred_boxes.tensor.round(decimals=3)
    for box in boxes.unique(dim=0):
        rows = (boxes == box).all(dim=1)
        if rows.sum() == 3:
            assert torch.allclose(instances.scores[rows].sum(), instances.manipulation_scores[rows], atol=1e-5)
            break
    else:
        raise AssertionError("no proposal with exactly its three boxes")


@torch.no_grad()
@pytest.mark.parametrize("classes", [3, 1])
def test_every_technique_of_a_box_has_its_probability(classes):
    model = tiny_model("MODEL.ROI_HEADS.NUM_CLASSES", str(classes)).eval()
    instances = model([sample(64, 96)])[0]["instances"]
    techniques = instances.technique_scores
    assert techniques.shape == (len(instances), classes) and len(instances) > 0
    assert torch.allclose(techniques.sum(dim=1), instances.manipulation_scores, atol=1e-6)
    predicted = techniques[torch.arange(len(instances)), instances.pred_classes]
    assert torch.allclose(predicted, instances.scores, atol=1e-6)


@torch.no_grad()
def test_batch_mates_do_not_change_a_result():
    """Tolerance 1e-4 on the map and 0.01 px on boxes: only the order of float additions may differ."""
    model = tiny_model().eval()
    small, wide, tall = sample(50, 60, seed=1), sample(64, 120, seed=2), sample(50, 60, seed=3)
    single = [model([item])[0] for item in (small, wide, tall)]
    batched = model([small, wide, tall])
    for first, second in zip(single, batched):
        assert torch.allclose(first["manipulation_map"], second["manipulation_map"], atol=1e-4)
        boxes = [r["instances"].pred_boxes.tensor for r in (first, second)]
        assert torch.allclose(*boxes, atol=0.01)


@torch.no_grad()
def test_stock_meta_architecture_gives_the_same_instances():
    model = tiny_model().eval()
    stock = META_ARCH_REGISTRY.get("GeneralizedRCNN")(tiny_cfg()).eval()
    stock.load_state_dict(model.state_dict())
    item = sample(64, 64)
    result, stock_result = model([item])[0], stock([item])[0]
    assert set(stock_result) == {"instances"}
    assert torch.equal(result["instances"].pred_masks, stock_result["instances"].pred_masks)


@torch.no_grad()
def test_masks_for_given_boxes():
    model = tiny_model().eval()
    instances = Instances((64, 64), pred_boxes=Boxes(torch.tensor([[4.0, 4, 40, 40]])), pred_classes=torch.tensor([1]))
    (result,) = model.inference([sample(64, 64)], [instances])
    assert result["instances"].pred_masks.shape == (1, 64, 64)
    assert result["manipulation_map"][45:, 45:].max() == 0


@pytest.mark.parametrize(
    "options, absent",
    [
        (["MODEL.CONSTRAINED_CONV.ENABLED", "False"], "constrained_conv"),
        (["MODEL.ATTENTION_RPN.ENABLED", "False"], "attention"),
        (["MODEL.GUIDED_MASK.FUSION", "False"], "mask_fusion"),
        (["MODEL.GUIDED_MASK.FUSION_STRIDE", "16"], None),
        (["MODEL.MASK_ON", "False"], "mask_"),
    ],
)
def test_ablations_by_config(options, absent):
    model = tiny_model(*options)
    if absent:
        assert not any(absent in name for name, _ in model.named_parameters())
    sum(train_losses(model, [sample(64, 64, [BOX])]).values()).backward()
    with torch.no_grad():
        assert model.eval()([sample(64, 64)])[0]["manipulation_map"].shape == (64, 64)


def test_fusion_stride_is_where_the_mask_branch_crops():
    for stride in (8, 16):
        heads = tiny_model("MODEL.GUIDED_MASK.FUSION_STRIDE", str(stride)).roi_heads
        assert heads.mask_pooler.level_poolers[0].spatial_scale == 1 / stride
        fused = heads.mask_fusion(torch.rand(1, 64, 12, 16), torch.rand(1, 64, 6, 8))
        assert fused.shape == (1, 128, 96 // stride, 128 // stride)


def test_autocast_trains_and_predicts():
    model = tiny_model()
    item = sample(96, 96, [BOX])
    plain = train_losses(model, [item])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = train_losses(model, [item])
        sum(losses.values()).backward()
    for name, value in losses.items():
        assert torch.isfinite(value)
        assert abs(float(value) - float(plain[name])) < 0.1 * max(1, abs(float(plain[name]))), name
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        result = model.eval()([item])[0]
    assert result["manipulation_map"].dtype == torch.float32


def test_mask_training_boxes_are_refined_matched_again_and_limited():
    model = tiny_model("MODEL.GUIDED_MASK.BATCH_SIZE_PER_IMAGE", "3")
    heads = model.roi_heads
    target = sample(100, 100, [(10, 10, 60, 60)])["instances"]
    proposals = Instances((100, 100))
    boxes = [[12.0, 12, 62, 62], [9, 9, 58, 61], [10, 10, 60, 60], [70, 70, 90, 90]]
    proposals.proposal_boxes = Boxes(torch.tensor(boxes))
    proposals.gt_classes = torch.tensor([0, 0, 0, 3])
    deltas = torch.zeros(4, 12)
    deltas[1, 0] = 10.0  # moves the second box by one width (weight 10): no overlap left
    training_boxes = heads._mask_training_boxes((torch.zeros(4, 4), deltas), [proposals], [target])[0]
    assert len(training_boxes) == 3
    assert training_boxes.tensor[0].tolist() == [12, 12, 62, 62]
    assert all(box[0] < 30 for box in training_boxes.tensor.tolist())
    assert not training_boxes.tensor.requires_grad


def test_mask_target_is_the_complete_truth_small_regions_included():
    model = tiny_model()
    with_small_region = sample(64, 64, [(8, 8, 40, 40)], extra=(8, 40, 40, 44))
    without = sample(64, 64, [(8, 8, 40, 40)])

    def loss_of(item):
        heads = model.roi_heads
        boxes = [Boxes(torch.tensor([[8.0, 8, 40, 56]]))]
        features = model.backbone(model.preprocess_image([item]).tensor)
        model.proposal_generator.attend(model.preprocess_image([item]), features)
        with EventStorage(0), torch.no_grad():
            return heads._mask_loss(features, boxes, [item["instances"]])

    model.roi_heads.mask_predictor.predictor.bias.data.fill_(3.0)
    assert loss_of(with_small_region) < loss_of(without)
