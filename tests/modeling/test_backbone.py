import pickle

import pytest
import torch
from detectron2.modeling import build_model

from constrained_rcnn.config import load_config
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.modeling.backbone import BLOCKS_PER_STAGE, build_constrained_resnet_backbone
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from tests.helpers.tiny import tiny_cfg


def zoo_name(name: str) -> str:
    """A ResNet parameter's name in the zoo's Caffe2 pickles."""
    name = name.replace("stem.conv1.norm", "res_conv1_bn").replace("stem.conv1", "conv1")
    for name_here, name_in_zoo in (
        ("conv1", "branch2a"),
        ("conv2", "branch2b"),
        ("conv3", "branch2c"),
        ("shortcut", "branch1"),
    ):
        if name.startswith("res") and not name.startswith("res_conv1"):
            name = name.replace(f".{name_here}", f"_{name_in_zoo}")
    name = name.replace(".norm.weight", "_bn_s").replace(".norm.bias", "_bn_b")
    name = name.replace("res_conv1_bn.weight", "res_conv1_bn_s").replace("res_conv1_bn.bias", "res_conv1_bn_b")
    return name.replace(".weight", "_w").replace(".", "_")


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_zoo_weights_load_without_renaming(depth, tmp_path):
    # Narrow, so that the test is quick; names are what it is about.
    cfg = load_config(
        config_file("constrained_rcnn_R_101_C4.yaml"),
        ["MODEL.DEVICE", "cpu", "MODEL.RESNETS.DEPTH", str(depth), "MODEL.RESNETS.STEM_OUT_CHANNELS", "8",
         "MODEL.RESNETS.RES2_OUT_CHANNELS", "32", "MODEL.RESNETS.WIDTH_PER_GROUP", "8"],
    )  # fmt: skip
    model = build_model(cfg)
    generator = torch.Generator().manual_seed(depth)
    weights = {}
    for prefix, module in (("", model.backbone), ("res5.", model.roi_heads.res5)):
        for name, value in module.state_dict().items():
            if "constrained_conv" not in name and "running_" not in name and "num_batches" not in name:
                weights[prefix + name] = torch.rand(value.shape, generator=generator)
    pickled = {zoo_name(name): value.numpy() for name, value in weights.items()}
    assert {"conv1_w", "res_conv1_bn_s", "res2_0_branch1_w", "res5_0_branch2a_bn_b"} <= pickled.keys()
    assert f"res4_{BLOCKS_PER_STAGE[depth][2] - 1}_branch2c_w" in pickled
    path = tmp_path / "R.pkl"
    path.write_bytes(pickle.dumps(pickled))
    ManipulationCheckpointer(model, trust_pickled_weights=True).load_for_training(str(path))
    for name, value in weights.items():
        owner = model.roi_heads if name.startswith("res5") else model.backbone
        assert torch.equal(owner.state_dict()[name], value), name
        if name.startswith("res5"):  # the mask branch's own res5 starts as a copy
            assert torch.equal(model.roi_heads.state_dict()[f"mask_{name}"], value), name


@pytest.mark.parametrize("size", [(64, 64), (97, 130), (17, 5)])
def test_output_shapes(size):
    backbone = build_constrained_resnet_backbone(tiny_cfg(), _rgb())
    out = backbone(torch.rand(1, 3, *size))
    assert out["res3"].shape == (1, 64, -(-size[0] // 8), -(-size[1] // 8))
    assert out["res4"].shape == (1, 128, -(-size[0] // 16), -(-size[1] // 16))
    shapes = backbone.output_shape()
    assert (shapes["res3"].channels, shapes["res3"].stride) == (64, 8)
    assert (shapes["res4"].channels, shapes["res4"].stride) == (128, 16)


def test_without_constrained_convolution():
    cfg = tiny_cfg("MODEL.CONSTRAINED_CONV.ENABLED", "False")
    backbone = build_constrained_resnet_backbone(cfg, _rgb())
    assert not any("constrained" in name for name, _ in backbone.named_parameters())
    x = torch.rand(1, 3, 32, 32)
    assert not torch.allclose(backbone(x)["res4"], backbone(x + 10)["res4"])


def test_with_it_a_constant_offset_is_invisible():
    torch.manual_seed(0)
    backbone = build_constrained_resnet_backbone(tiny_cfg(), _rgb())
    x = torch.rand(1, 3, 32, 32)
    assert torch.allclose(backbone(x)["res4"], backbone(x + 10)["res4"], atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3, 9])
@pytest.mark.parametrize("with_rgb", [False, True])
def test_residual_channels_alone_and_behind_the_image(channels, with_rgb):
    options = ["MODEL.CONSTRAINED_CONV.CHANNELS", str(channels), "MODEL.CONSTRAINED_CONV.WITH_RGB", str(with_rgb)]
    backbone = build_constrained_resnet_backbone(tiny_cfg(*options), _rgb())
    stem_inputs = []
    backbone.stem.register_forward_pre_hook(lambda module, inputs: stem_inputs.append(inputs[0]))
    x = torch.rand(1, 3, 32, 32)
    backbone(x)
    residual = backbone.constrained_conv(x)
    assert residual.shape == (1, channels, 32, 32)
    assert torch.equal(stem_inputs[0], torch.cat([x, residual], dim=1) if with_rgb else residual)


def test_the_small_res5_stay_small():
    heads = build_model(tiny_cfg()).roi_heads
    for res5 in (heads.res5, heads.mask_res5):
        assert sum(p.numel() for p in res5.parameters()) <= 4_000_000


def _rgb():
    from detectron2.layers import ShapeSpec

    return ShapeSpec(channels=3)
