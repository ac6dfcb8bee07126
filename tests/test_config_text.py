"""What is kept so that a run can be repeated: the same for the same settings, whatever Detectron2 it was."""

from __future__ import annotations

import hashlib

import detectron2.config
import pytest
import yaml

from constrained_rcnn.config import load_config
from constrained_rcnn.config_text import config_sha256, config_text
from constrained_rcnn.model_zoo import config_file, config_names
from tests.helpers.tiny import tiny_cfg


def main_branch(monkeypatch):
    """Detectron2's defaults with keys that 0.6 does not have."""
    plain = detectron2.config.get_cfg

    def get_cfg():
        cfg = plain()
        cfg.DATALOADER.REPEAT_SQRT = True
        cfg.FLOAT32_PRECISION = ""
        cfg.MODEL.RPN.NEW = detectron2.config.CfgNode({"KEY": 1})
        return cfg

    monkeypatch.setattr(detectron2.config, "get_cfg", get_cfg)
    return get_cfg


def test_a_config_of_the_main_branch_loads_under_0_6_and_has_the_same_digest(tmp_path, monkeypatch):
    cfg = tiny_cfg("TEST.REPEATS", "True", "MODEL.RPN.NMS_THRESH", "0.55", "MODEL.WEIGHTS", "w.pth", "OUTPUT_DIR", "x")
    text = config_text(cfg)
    newer = cfg.clone()
    newer.merge_from_other_cfg(cfg)
    newer.set_new_allowed(True)
    newer.DATALOADER.REPEAT_SQRT, newer.FLOAT32_PRECISION = True, ""
    newer.MODEL.RPN.NEW = detectron2.config.CfgNode({"KEY": 1})
    main_branch(monkeypatch)
    assert config_text(newer) == text and config_sha256(newer) == config_sha256(cfg)
    for training in (False, True):
        (tmp_path / "saved.yaml").write_text(config_text(newer, training=training))
        monkeypatch.undo()
        loaded = load_config(str(tmp_path / "saved.yaml"))
        assert config_text(loaded) == text and loaded.MODEL.RPN.NMS_THRESH == 0.55 and loaded.TEST.REPEATS
        main_branch(monkeypatch)
    assert loaded.OUTPUT_DIR == "x" and loaded.SOLVER.MAX_ITER == cfg.SOLVER.MAX_ITER


def test_only_what_is_needed_to_repeat_a_result_counts():
    cfg = tiny_cfg()
    same = tiny_cfg("SOLVER.BASE_LR", "0.5", "DATASETS.TRAIN", "('x',)", "DATALOADER.NUM_WORKERS", "3", "SEED", "4")
    assert config_text(cfg) == config_text(same) and config_text(cfg, training=True) != config_text(same, training=True)
    for other in (("TEST.REPEATS", "True"), ("DATASETS.MERGE_TECHNIQUES", "True", "MODEL.ROI_HEADS.NUM_CLASSES", "1"),
                  ("INPUT.MAX_PIXELS", "1000"), ("TEST.DETECTIONS_PER_IMAGE", "7")):  # fmt: skip
        assert config_sha256(tiny_cfg(*other)) != config_sha256(cfg), other
    kept = yaml.safe_load(config_text(cfg))
    assert kept["VERSION"] == 2 and "SOLVER" not in kept and "PANOPTIC_FPN" not in kept["MODEL"]
    assert hashlib.sha256(config_text(cfg).encode()).hexdigest() == config_sha256(cfg)


@pytest.mark.parametrize("name", config_names())
def test_every_config_survives_being_kept(tmp_path, name):
    cfg = load_config(config_file(name))
    (tmp_path / "kept.yaml").write_text(config_text(cfg, training=True))
    assert load_config(str(tmp_path / "kept.yaml")) == cfg
