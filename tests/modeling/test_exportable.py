"""The network as one function of tensors gives what the model gives."""

import numpy as np
import pytest
import torch

from constrained_rcnn.modeling.error_levels import STRIDE
from constrained_rcnn.modeling.exportable import ExportableNetwork
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, tiny_model

LEVELS = ["MODEL.DENSE_MAP.ERROR_LEVELS", "[90]", "MODEL.DENSE_MAP.CHANNELS", "64"]


def image_of(height, width, seed=0):
    """(H, W, 3) uint8, noise on a slope."""
    rng = np.random.default_rng(seed)
    slope = np.add.outer(np.linspace(0, 90, height), np.linspace(0, 90, width))[:, :, None]
    return torch.from_numpy((slope + rng.integers(0, 60, (height, width, 3))).astype(np.uint8))


def model_of(*options):
    """Of random weights that find something; scores are spread, so that no order hangs on rounding."""
    model = tiny_model(*options, seed=3).eval().requires_grad_(False)
    model.roi_heads.box_predictor.cls_score.weight *= 30
    return model


@pytest.mark.parametrize("options", [[], DENSE, [*DENSE, *LEVELS], ["MODEL.ATTENTION_RPN.ENABLED", "False"]])
@pytest.mark.parametrize("size", [(96, 131), (53, 71)])
def test_it_gives_what_the_model_gives(options, size, monkeypatch):
    model, image = model_of(*options), image_of(*size)
    network = ExportableNetwork(model)
    changes = torch.from_numpy(np.random.default_rng(1).integers(0, 20, (1, *size)).astype(np.uint8))
    if "MODEL.DENSE_MAP.ERROR_LEVELS" in options:
        cells = torch.nn.functional.avg_pool2d(changes[None].float(), STRIDE, ceil_mode=True, count_include_pad=False)
        monkeypatch.setattr("constrained_rcnn.modeling.meta_arch.batch_error_levels", lambda *args: torch.log1p(cells))
    with torch.inference_mode():
        wanted = model([{"image": image.permute(2, 0, 1), "height": size[0], "width": size[1], "paste_masks": False}])[
            0
        ]
        inputs = (image, changes) if "MODEL.DENSE_MAP.ERROR_LEVELS" in options else (image,)
        found = dict(zip(network.outputs, network(*inputs)))
    instances, count = wanted["instances"], int(found["count"])
    assert count == len(instances) > 0
    assert torch.allclose(found["boxes"][:count], instances.pred_boxes.tensor, atol=1e-4)
    assert torch.equal(found["labels"][:count], instances.pred_classes)
    assert torch.allclose(found["technique_scores"][:count], instances.technique_scores, atol=1e-6)
    assert torch.allclose(found["manipulation_scores"][:count], instances.manipulation_scores, atol=1e-6)
    assert torch.allclose(found["masks"][:count], instances.soft_masks, atol=1e-5)
    if options[:2] == DENSE[:2]:
        assert torch.allclose(found["dense_map"], wanted["dense_map"], atol=1e-6)
        assert float(found["decision"]) == pytest.approx(wanted["decision"], abs=1e-6)
    else:
        assert {"dense_map", "decision"}.isdisjoint(found)


def test_rows_behind_the_last_detection_hold_nothing():
    model = model_of("MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.97")
    with torch.inference_mode():
        network = ExportableNetwork(model)
        found = dict(zip(network.outputs, network(image_of(64, 80))))
        wanted = model([{"image": image_of(64, 80).permute(2, 0, 1), "height": 64, "width": 80}])[0]["instances"]
    count = int(found["count"])
    assert count == len(wanted) < len(found["boxes"])
    assert found["boxes"].isfinite().all() and not found["boxes"][count:].any()


@pytest.mark.parametrize(
    "options, said",
    [
        (["MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG", "True"], "CLS_AGNOSTIC_BBOX_REG True: cannot be exported"),
        (["MODEL.ROI_MASK_HEAD.POOLER_TYPE", "ROIAlign"], "ROI_MASK_HEAD.POOLER_TYPE: cannot be exported"),
    ],
)
def test_what_cannot_be_exported_is_said(options, said):
    with pytest.raises(UserError, match=said):
        ExportableNetwork(tiny_model(*options))


def test_another_network_cannot_be_exported():
    with pytest.raises(UserError, match="MODEL.META_ARCHITECTURE Linear: cannot be exported"):
        ExportableNetwork(torch.nn.Linear(1, 1))
