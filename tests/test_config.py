import glob
import os

import pytest
import torch
import yaml
from detectron2.modeling import build_model

from constrained_rcnn.config import add_constrained_rcnn_config, get_cfg, load_config
from constrained_rcnn.model_zoo import config_file, config_folder
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import tiny_cfg

CONFIGS = sorted(glob.glob(os.path.join(config_folder(), "**", "*.yaml"), recursive=True))


@pytest.mark.parametrize("path", CONFIGS, ids=os.path.basename)
def test_every_yaml_loads_and_says_what_model_it_is(path):
    cfg = load_config(path, ["MODEL.DEVICE", "cpu"])
    assert cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS is False
    assert cfg.INPUT.MASK_FORMAT == "bitmask"


def test_every_model_config_builds():
    # On the meta device: no memory and no time for the weights.
    for path in CONFIGS:
        if os.path.basename(path).startswith("Base-"):
            continue
        cfg = load_config(path, ["MODEL.DEVICE", "cpu"])
        cfg.MODEL.DEVICE = "meta"
        with torch.device("meta"):
            model = build_model(cfg)
        assert model.roi_heads.mask_on == cfg.MODEL.MASK_ON
        width = cfg.MODEL.RESNETS.RES2_OUT_CHANNELS  # 256 in the paper
        assert model.proposal_generator.conv.out_channels == 2 * width
        assert model.proposal_generator.attention.mlp[0].out_features == width
        if cfg.MODEL.MASK_ON:
            assert model.roi_heads.mask_fusion.conv.out_channels == 4 * width


def test_adding_the_keys_twice_is_harmless():
    cfg = get_cfg()
    before = cfg.dump()
    add_constrained_rcnn_config(cfg)
    assert cfg.dump() == before


def test_a_dumped_config_reads_back(tmp_path):
    path = tmp_path / "config.yaml"
    cfg = tiny_cfg()
    path.write_text(cfg.dump())
    assert yaml.safe_load(load_config(str(path)).dump()) == yaml.safe_load(cfg.dump())


@pytest.mark.parametrize(
    "options, words",
    [
        (["MODEL.NO_SUCH_KEY", "1"], "NO_SUCH_KEY"),
        (["SOLVER.MAX_ITER", "many"], "MAX_ITER"),
        (["SOLVER.MAX_ITER"], "config"),
        (["MODEL.GUIDED_MASK.FUSION_STRIDE", "4"], "FUSION_STRIDE"),
        (["MODEL.GUIDED_MASK.BATCH_SIZE_PER_IMAGE", "0"], "BATCH_SIZE_PER_IMAGE"),
        (["MODEL.RESNETS.OUT_FEATURES", "['res4']"], "OUT_FEATURES"),
        (["MODEL.CONSTRAINED_CONV.CHANNELS", "0"], "CONSTRAINED_CONV.CHANNELS"),
        (["INPUT.FORGED_JPEG_QUALITY", "101"], "FORGED_JPEG_QUALITY"),
        (["INPUT.FORGED_NOISE_VARIANCE", "-1.0"], "FORGED_NOISE_VARIANCE"),
        (["DATASETS.MERGE_TECHNIQUES", "True"], "NUM_CLASSES"),
        (["SOLVER.OPTIMIZER", "Adam"], "SOLVER.OPTIMIZER is 'Adam'; set it to SGD or AdamW"),
        (["INPUT.SAVED_AGAIN", "1.5"], "INPUT.SAVED_AGAIN must be"),
        (["INPUT.SAVED_AGAIN_QUALITY", "(90,80)"], "INPUT.SAVED_AGAIN_QUALITY"),
        (["INPUT.SAVED_AGAIN_QUALITY", "(0,80)"], "INPUT.SAVED_AGAIN_QUALITY"),
        (["INPUT.UPSIDE_DOWN", "-0.1"], "INPUT.UPSIDE_DOWN"),
        (["INPUT.REDUCED", "2.0"], "INPUT.REDUCED must be"),
        (["INPUT.REDUCED_FACTORS", "(0.0,0.5)"], "INPUT.REDUCED_FACTORS"),
        (["INPUT.REDUCED_FACTORS", "(0.5,1.5)"], "INPUT.REDUCED_FACTORS"),
        (["TEST.REDUCE_ABOVE", "-1"], "TEST.REDUCE_ABOVE"),
    ],
)
def test_bad_options_name_the_key(options, words):
    with pytest.raises(UserError, match=words) as error:
        tiny_cfg(*options)
    assert "\n" not in str(error.value)


def test_bad_yaml_names_the_file(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("MODEL:\n  NO_SUCH: 1\n")
    with pytest.raises(UserError, match="bad.yaml"):
        load_config(str(path))
    path.write_text("MODEL: [unclosed")
    with pytest.raises(UserError, match="bad.yaml"):
        load_config(str(path))
    with pytest.raises(UserError, match="nowhere.yaml"):
        load_config(str(tmp_path / "nowhere.yaml"))


def test_papers_settings():
    cfg = load_config(config_file("constrained_rcnn_R_101_C4.yaml"))
    assert cfg.MODEL.RPN.POST_NMS_TOPK_TEST == 100 and cfg.TEST.DETECTIONS_PER_IMAGE == 8
    assert cfg.SOLVER.MAX_ITER == 110000 and tuple(cfg.SOLVER.STEPS) == (40000, 90000)
    stage1 = load_config(config_file("constrained_rcnn_R_101_C4_stage1.yaml"))
    assert not stage1.MODEL.MASK_ON and stage1.MODEL.ROI_HEADS.NUM_CLASSES == 1
    assert stage1.MODEL.RPN.BATCH_SIZE_PER_IMAGE == 128
