"""The benchmark of training and detection does the work it times, and its ratios are of the same round."""

from __future__ import annotations

import pytest
import torch

from constrained_rcnn.benchmarks import training
from constrained_rcnn.benchmarks.training import Subject, build, compare, profile, random_batch

SMALL = "constrained_rcnn_small"


def test_rates_are_images_by_time_and_ratios_by_round(monkeypatch):
    steps = []

    def count(step, batch):
        step(batch)
        steps.append(step.__name__)
        return 2.0 if step.__self__.model.bfloat16 else 3.0 + len(steps) // 6  # float32 slows down round by round

    monkeypatch.setattr(training, "seconds", count)
    results = compare(SMALL, 2, 64, 64, repeats=2)
    assert steps == ["train"] * 9 + ["detect"] * 6
    assert list(results["training"]) == ["float32", "bfloat16", "bfloat16, channels last"]
    assert results["detection"]["bfloat16"]["images_per_second"] == pytest.approx(1.0)
    assert results["training"]["float32"]["ratio"] == 1.0
    bfloat16 = results["training"]["bfloat16"]
    assert bfloat16["ratio_min"] == pytest.approx(1.5) and bfloat16["ratio_max"] == pytest.approx(2.0)


def test_a_step_does_all_the_work_and_changes_nothing():
    model, cfg = build(SMALL)
    subject, batch = Subject(model, cfg, bfloat16=True), random_batch(2, 64, 64)
    dtypes = []
    layer = subject.model.backbone.res2[0].conv1
    layer.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
    subject.train(batch)
    assert dtypes == [torch.bfloat16]
    assert all(p.grad is not None for p in subject.model.backbone.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(subject.model.state_dict()[name], value), name


def test_a_profile_lists_operators():
    table = profile(SMALL, 1, 64, 64, bfloat16=False, rows=5)
    assert "aten::" in table and "Self CPU" in table
