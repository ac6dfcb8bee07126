"""The paper's experiments, each by its own config: two iterations and an evaluation on miniature trees."""

from __future__ import annotations

import math

import pytest
import torch

from constrained_rcnn.config import load_config
from constrained_rcnn.data import catalog
from constrained_rcnn.engine.train import evaluate, train
from constrained_rcnn.model_zoo import config_file
from tests.helpers.casia_tree import make_casia_v1
from tests.helpers.commands import calling
from tests.helpers.source_trees import make_casia_v2, make_coco_synthetic, make_columbia, make_coverage, make_nist16
from tests.helpers.tiny import TINY

#: What turns the configs' ResNet-101 into the small one, at the images' own size.
NARROW = [
    *TINY,
    "MODEL.RESNETS.DEPTH", "18",
    "MODEL.RESNETS.STEM_OUT_CHANNELS", "32",
    "MODEL.RESNETS.RES2_OUT_CHANNELS", "32",
    "MODEL.RESNETS.NORM", "GN",
    "MODEL.ROI_MASK_HEAD.CONV_DIM", "64",
    "MODEL.RPN.PRE_NMS_TOPK_TRAIN", "100",
    "MODEL.RPN.PRE_NMS_TOPK_TEST", "50",
    "INPUT.MIN_SIZE_TRAIN", "(0,)",
    "INPUT.MIN_SIZE_TEST", "0",
    "MODEL.PIXEL_STD", "[64.0, 64.0, 64.0]",
]  # fmt: skip
SHORT = ["SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "()", "SOLVER.CHECKPOINT_PERIOD", "100"]

#: Experiment -> (classes, iterations, steps, RPN batch) of the paper. Each starts from a model before it.
PAPER = {
    "coco_synthetic": (1, 110_000, (40_000, 90_000), 128),
    "nist16": (3, 60_000, (30_000, 50_000), 256),
    "casia": (1, 110_000, (40_000, 90_000), 256),
    "coverage": (1, 4_000, (), 256),
    "columbia": (1, None, None, 256),
}


def config(experiment: str, *options: str):
    return load_config(config_file(f"constrained_rcnn_R_101_C4_{experiment}"), list(options))


@pytest.mark.parametrize("experiment", PAPER)
def test_the_papers_schedule(experiment):
    classes, iterations, steps, batch = PAPER[experiment]
    cfg = config(experiment)
    assert cfg.MODEL.ROI_HEADS.NUM_CLASSES == classes and cfg.MODEL.RESNETS.DEPTH == 101
    assert cfg.DATASETS.MERGE_TECHNIQUES == (classes == 1)
    assert cfg.MODEL.RPN.BATCH_SIZE_PER_IMAGE == cfg.MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE == batch
    assert (cfg.SOLVER.BASE_LR, cfg.SOLVER.GAMMA, cfg.SOLVER.IMS_PER_BATCH) == (0.001, 0.1, 1)
    assert cfg.INPUT.FORGED_NOISE_VARIANCE == (0 if experiment == "coco_synthetic" else 5)
    if iterations:
        assert (cfg.SOLVER.MAX_ITER, tuple(cfg.SOLVER.STEPS)) == (iterations, steps)
    names = {*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST}
    assert names <= set(catalog.PREDEFINED)


def test_two_iterations_and_an_evaluation_of_each(tmp_path, monkeypatch):
    datasets = tmp_path / "datasets"
    make_casia_v1(datasets / "casia_v1")
    make_casia_v2(datasets / "casia_v2")
    make_coverage(datasets / "coverage", pairs=24)
    make_columbia(datasets / "columbia")
    make_nist16(datasets / "nist16", bases=4)
    make_coco_synthetic(datasets / "coco_synthetic", pairs=8)
    with monkeypatch.context() as patch:
        patch.setenv("DETECTRON2_DATASETS", str(datasets))
        patch.delenv("CONSTRAINED_RCNN_PREPARED", raising=False)
        patch.chdir(tmp_path)  # the configs' own chain of output folders
        for name in ("casia", "coverage", "columbia", "nist16", "coco_synthetic"):
            assert calling(f"prepare {name.replace('_', '-')}")(["--workers", "1"]) == 0
        catalog.register_predefined()
        for experiment in PAPER:
            _run(experiment)
    catalog.register_predefined()


def _run(experiment: str) -> None:
    first = experiment == "coco_synthetic"
    cfg = config(experiment, *NARROW, *(["MODEL.WEIGHTS", ""] if first else []))
    if experiment != "columbia":
        cfg.merge_from_list(SHORT)
        torch.manual_seed(0)
        train(cfg)
        cfg.MODEL.WEIGHTS = f"{cfg.OUTPUT_DIR}/model_final.pth"
    results = evaluate(cfg)
    # Pixel metrics are defined wherever there are masks, and only there.
    assert math.isnan(results["manipulation"]["f1_best"]) == first, results["manipulation"]
    assert 0 <= results["bbox"]["AP"] <= 100 and ("segm" in results) != first
