"""A checkpoint over the protocols: its clean point is the plain evaluation."""

from __future__ import annotations

import json

import pytest
import torch

from constrained_rcnn.engine.robustness import run
from constrained_rcnn.engine.train import evaluate
from constrained_rcnn.model_zoo import config_file
from tests.helpers.tiny import TINY, tiny_cfg, tiny_model
from tests.helpers.tiny_data import write_set

#: Settings in which evaluation does more than run the model once.
AUGMENTED = ["TEST.AUG.ENABLED", "True", "TEST.AUG.MIN_SIZES", "(0,)", "INPUT.MIN_SIZE_TEST", "0"]
TILED = ["INPUT.MIN_SIZE_TEST", "0", "TEST.TILES.MAX_PIXELS", "65536", "TEST.TILES.SIZE", "256",
         "TEST.TILES.OVERLAP", "64"]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "size"), [([], (64, 80)), (AUGMENTED, (64, 80)), (TILED, (300, 340))], ids=["plain", "tta", "tiles"]
)
def test_the_clean_point_is_the_plain_evaluation_exactly(tmp_path, settings, size):
    data = write_set(tmp_path / "data", "test", 4, size=size)
    weights = str(tmp_path / "model.pth")
    # The smallest threshold lets an untrained model find something.
    options = ["MODEL.WEIGHTS", weights, "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.0",
               "TEST.METRIC_VARIANTS", "['paper']", *settings]  # fmt: skip
    torch.save({"model": tiny_model().state_dict()}, weights)
    cfg = tiny_cfg(*options, "DATASETS.TEST", f"('{data}',)", "OUTPUT_DIR", str(tmp_path / "plain"))
    evaluate(cfg)
    summaries = run(
        data, tmp_path / "out", config_file=config_file("constrained_rcnn_small.yaml"), options=[*TINY, *options],
        protocols=["resize-0.78"],
    )  # fmt: skip
    plain = tmp_path / "plain" / "inference" / "test"
    assert (tmp_path / "out" / "clean" / "per_image.json").read_text() == (plain / "per_image.json").read_text()
    metrics = json.loads((plain / "metrics.json").read_text())["metrics"]
    assert metrics == json.loads((tmp_path / "out" / "clean" / "metrics.json").read_text())["metrics"]
    assert metrics["f1_best"] > 0 and "paper_auc" in metrics
    assert summaries["resize-0.78"]["counts"] == summaries["clean"]["counts"]
    assert summaries["resize-0.78"]["metrics"]["f1_best"] != metrics["f1_best"]
