"""What is asked of the processor, and what follows where it cannot multiply bfloat16."""

import logging

import pytest
import torch

from constrained_rcnn import config
from constrained_rcnn.modeling.processor import BFLOAT16_INSTRUCTIONS, multiplies_bfloat16
from tests.helpers.tiny import tiny_cfg


@pytest.mark.parametrize("name", BFLOAT16_INSTRUCTIONS)
def test_one_kind_of_instructions_is_enough(monkeypatch, name):
    capabilities = {"avx2": True, name: True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert multiplies_bfloat16()
    capabilities[name] = False
    assert not multiplies_bfloat16()


def test_where_pytorch_cannot_tell_it_is_tried(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert multiplies_bfloat16()


@pytest.mark.parametrize(
    "configured, multiplies, enabled, warnings",
    [(True, True, True, 0), (True, False, False, 1), (False, False, False, 0)],
)
def test_mixed_precision_is_off_where_it_would_not_help(monkeypatch, caplog, configured, multiplies, enabled, warnings):
    monkeypatch.setattr(config, "multiplies_bfloat16", lambda: multiplies)
    with caplog.at_level(logging.WARNING, logger="constrained_rcnn"):
        cfg = tiny_cfg("SOLVER.AMP.ENABLED", str(configured))
    assert cfg.SOLVER.AMP.ENABLED == enabled
    messages = [record.getMessage() for record in caplog.records if "no bfloat16 instructions" in record.getMessage()]
    assert len(messages) == warnings


def test_a_gpu_is_not_asked_for_instructions_of_the_processor(monkeypatch):
    monkeypatch.setattr(config, "multiplies_bfloat16", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert tiny_cfg("MODEL.DEVICE", "cuda", "SOLVER.AMP.ENABLED", "True").SOLVER.AMP.ENABLED
