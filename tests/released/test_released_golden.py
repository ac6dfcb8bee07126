"""The whole chain against the original network under TensorFlow 0.12.1: checkpoint file in, every stage compared."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from constrained_rcnn.released.convert import convert
from tests.helpers import released_stages
from tests.helpers.released_files import released_model, write_released

HERE = Path(__file__).parent

#: Relative to the largest magnitude of the array; a float16 sample is itself rounded by up to 2**-11 = 5e-4.
FLOAT32, FLOAT16 = 1e-4, 1e-3
FEATURES = ("constrained", "C1", "C2", "C3", "C4", "rpn_conv", "rpn_cbam", "fused", "rpn_cls_prob", "rpn_bbox_pred")
#: Every how many-th channel (and row and column) of these the golden files keep.
THINNED = {
    "pool5": np.s_[::10, :, :, ::128],
    "fc7_mean": np.s_[:, ::32],
    "mask_pool5": np.s_[..., ::64],
    "mask_fc7": np.s_[..., ::128],
    "mask_deconv": np.s_[:, ::3, ::3, ::16],
    "mask_conv_bn": np.s_[:, ::3, ::3, ::4],
    "mask_bn2": np.s_[:, ::3, ::3, ::4],
}


def close(values: np.ndarray, golden: np.ndarray, tolerance: float, name: str) -> None:
    assert values.shape == golden.shape, name
    golden = golden.astype(np.float64)
    error = np.abs(values - golden).max() / np.abs(golden).max()
    assert error <= tolerance, f"{name}: {error:.2e} of the maximum"


def compare(model, image: Path, golden: Path) -> None:
    gold = np.load(golden)
    result, stages = released_stages.run(model, cv2.imread(str(image)))

    for name in FEATURES:
        y, x, c = gold[f"{name}_stride"]
        assert stages[name].shape == tuple(gold[f"{name}_shape"]), name
        close(stages[name][0, ::y, ::x, ::c], gold[f"{name}_sample"], FLOAT16, name)
        full = stages[name].astype(np.float64)
        moments = np.array([full.mean(), np.sqrt((full**2).mean()), np.abs(full).max()])
        close(moments, gold[f"{name}_moments"], FLOAT32, f"{name} moments")
    for name in ("C3", "C4", "rpn_cbam", "fused"):
        height, width = stages[name].shape[1:3]
        close(stages[name][0, height // 2, width // 2], gold[f"{name}_column"], FLOAT32, f"{name} column")
    close(stages["blob"][0, 200:232, 300:332], gold["blob_crop"], FLOAT32, "resized image")
    close(stages["constrained"][0, 200:232, 300:332], gold["constrained_crop"], FLOAT32, "constrained")
    close(stages["constrained"][0, :8, :8], gold["constrained_corner"], FLOAT32, "corner of constrained")
    for name in ("channel_attention", "spatial_attention"):
        close(stages[name], gold[name], FLOAT32, name)
    for name, thin in THINNED.items():
        sample = gold[f"{name}_sample"]
        close(stages[name][thin], sample, FLOAT16 if sample.dtype == np.float16 else FLOAT32, name)

    # The same 100 proposals in the same order.
    close(stages["rois"], gold["rois"][:, 1:], FLOAT32, "proposals")
    close(stages["roi_scores"], gold["roi_scores"][:, 0], FLOAT32, "objectness")
    close(stages["cls_score"], gold["cls_score"], FLOAT32, "class scores")
    assert np.abs(stages["cls_prob"] - gold["cls_prob"]).max() <= 1e-3
    close(stages["bbox_pred"], gold["bbox_pred"][:, 4:], FLOAT32, "box deltas")
    # The same boxes get masks, in the same order, with the same class.
    rows = gold["mask_data"]
    assert stages["classes"].tolist() == rows[:, 6].tolist()
    assert np.abs(stages["scores"] - rows[:, 5]).max() <= 1e-3
    close(stages["det_boxes"], gold["mask_boxes_orig"], FLOAT32, "boxes")
    close(stages["mask_logits"], gold["mask_logits"][..., 1] - gold["mask_logits"][..., 0], FLOAT16, "mask logits")
    assert np.abs(stages["mask_fg"] - gold["mask_fg"]).max() <= 2e-3
    assert np.abs(result["manipulation_map"].numpy() - gold["merged"]).max() <= 2e-3
    assert result["manipulation_score"] == pytest.approx(gold["merged"].max(), abs=2e-3)


def test_50_layers_on_a_drawn_image(model_50):
    compare(model_50, HERE / "probe_generated.png", HERE / "golden50_generated.npz")


@pytest.mark.slow
def test_50_layers_on_a_photo(model_50, parity):
    compare(model_50, parity / "probe.png", parity / "golden50_tf012.npz")


@pytest.mark.slow
def test_101_layers_on_a_photo(parity, tmp_path):
    write_released(tmp_path / "model.ckpt", 101)
    convert(tmp_path / "model.ckpt", tmp_path / "model.pth")
    compare(released_model(101, tmp_path / "model.pth"), parity / "probe.png", parity / "golden101_tf012.npz")
