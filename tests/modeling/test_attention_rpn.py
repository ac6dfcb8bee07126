import torch
from detectron2.structures import ImageList
from detectron2.utils.events import EventStorage

from constrained_rcnn.modeling.attention_rpn import ATTENDED_FEATURE, valid_cells
from constrained_rcnn.modeling.cbam import CBAM
from tests.helpers.tiny import sample, tiny_model


def test_cbam_by_hand():
    module = CBAM(2, 1, spatial_kernel=1)
    with torch.no_grad():
        module.mlp[0].weight.copy_(torch.tensor([[1.0, -1.0]]))
        module.mlp[0].bias.zero_()
        module.mlp[2].weight.copy_(torch.tensor([[-1.0], [2.0]]))
        module.mlp[2].bias.zero_()
        module.spatial.weight.copy_(torch.tensor([1.0, 0.5]).reshape(1, 2, 1, 1))
        module.spatial.bias.zero_()
    x = torch.tensor([[[[1.0, 3.0]], [[0.0, 1.0]]]])
    # means 2, 0.5 -> hidden 1.5; maxima 3, 1 -> hidden 2; the sum of the MLP's outputs is (-3.5, 7): negative
    # values survive, so there is no ReLU at its end.
    refined = x * torch.sigmoid(torch.tensor([-3.5, 7.0])).reshape(1, 2, 1, 1)
    gate = torch.sigmoid(refined.mean(1, keepdim=True) + 0.5 * refined.amax(1, keepdim=True))
    assert torch.allclose(module(x), refined * gate, atol=1e-6)


def test_cbam_ignores_padding():
    torch.manual_seed(0)
    module = CBAM(4, 2)
    x = torch.randn(1, 4, 5, 6)
    padded = torch.full((1, 4, 9, 10), 50.0)
    padded[..., :5, :6] = x
    valid = torch.zeros(1, 1, 9, 10, dtype=torch.bool)
    valid[..., :5, :6] = True
    assert torch.allclose(module(padded, valid)[..., :5, :6], module(x), atol=1e-5)
    assert not torch.allclose(module(padded)[..., :5, :6], module(x), atol=1e-2)


def test_valid_cells_round_up():
    images = ImageList(torch.zeros(2, 3, 100, 64), [(100, 64), (80, 33)])
    valid = valid_cells(images, 16, (7, 4))
    assert valid.shape == (2, 1, 7, 4)
    assert valid[0].all()
    assert valid[1, 0].sum() == 5 * 3 and valid[1, 0, :5, :3].all()
    assert valid_cells(ImageList(torch.zeros(1, 3, 100, 64), [(100, 64)]), 16, (7, 4)) is None


def test_hands_its_feature_on_and_keeps_none():
    model = tiny_model().eval()
    images = model.preprocess_image([sample(96, 80)])
    features = model.backbone(images.tensor)
    attributes = set(vars(model.proposal_generator))
    with torch.no_grad():
        proposals, losses = model.proposal_generator(images, features, None)
    assert features[ATTENDED_FEATURE].shape == (1, features["res3"].shape[1], 6, 5)
    assert set(vars(model.proposal_generator)) == attributes
    assert len(proposals) == 1 and losses == {}


def test_widths_follow_the_backbone():
    rpn = tiny_model().proposal_generator
    assert rpn.conv.in_channels == 128 and rpn.conv.out_channels == 64
    assert rpn.attention.mlp[0].out_features == 32
    assert rpn.rpn_head.objectness_logits.out_channels == 12


def test_every_parameter_gets_a_gradient():
    model = tiny_model()
    with EventStorage(0):
        sum(model([sample(64, 64, [(8, 8, 40, 40)])]).values()).backward()
    assert all(p.grad is not None for p in model.proposal_generator.parameters())
