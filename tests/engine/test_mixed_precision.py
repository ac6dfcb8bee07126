"""SOLVER.AMP on a processor: bfloat16 in the forward pass, losses as in float32, and runs that continue exactly."""

import logging

import pytest
import torch

from constrained_rcnn import config
from constrained_rcnn.utils.errors import UserError
from tests.engine.test_train import trainer
from tests.helpers.tiny import DENSE
from tests.helpers.tiny_data import write_set

MIXED = [*DENSE, "SOLVER.AMP.ENABLED", "True", "SOLVER.BASE_LR", "0.002"]
#: How far the mean of a loss over 50 iterations may be from float32's: a share of it, or an absolute difference. Which
#: boxes are sampled depends on their order, so that single steps part; the sum of all losses may differ by a tenth.
TOLERANCE, LEAST, IN_ALL = 0.2, 0.05, 0.1


@pytest.fixture(scope="module")
def train_set(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("mixed"), "train", 12, size=(48, 64))


@pytest.fixture(autouse=True)
def able(monkeypatch):
    """PyTorch computes bfloat16 on every processor: only slowly where there are no instructions."""
    monkeypatch.setattr(config, "multiplies_bfloat16", lambda: True)


def means(losses, first, last):
    names = losses[first]
    return {name: sum(losses[i][name] for i in range(first, last)) / (last - first) for name in names}


@pytest.mark.slow
def test_losses_follow_those_of_float32_over_200_iterations(train_set, tmp_path):
    runs = {}
    for name, options in (("float32", ["SOLVER.AMP.ENABLED", "False"]), ("bfloat16", [])):
        length = ["SOLVER.MAX_ITER", "200", "SOLVER.STEPS", "(150,)", "SOLVER.CHECKPOINT_PERIOD", "1000"]
        trained, record = trainer(train_set, tmp_path / name, *MIXED, *options, *length)
        assert trained.model.bfloat16_training == (name == "bfloat16")
        assert trained._scaler() is None
        trained.train()
        runs[name] = record.losses
    assert runs["float32"] != runs["bfloat16"]
    for first in range(0, 200, 50):
        exact, rounded = (means(runs[name], first, first + 50) for name in ("float32", "bfloat16"))
        assert len(exact) == 7
        for name, value in exact.items():
            assert rounded[name] == pytest.approx(value, rel=TOLERANCE, abs=LEAST), (first, name)
        assert sum(rounded.values()) == pytest.approx(sum(exact.values()), rel=IN_ALL), first
    early, late = means(runs["bfloat16"], 0, 20), means(runs["bfloat16"], 180, 200)
    assert sum(late.values()) < 0.8 * sum(early.values())


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_a_killed_run_repeats_the_uninterrupted_one_exactly(train_set, tmp_path, optimizer):
    """Killed at iteration 7, two steps after the checkpoint of iteration 5."""
    options = [*MIXED, "SOLVER.OPTIMIZER", optimizer, "SOLVER.MAX_ITER", "9", "SOLVER.STEPS", "(7,)"]
    options += ["SOLVER.CHECKPOINT_PERIOD", "6", "SOLVER.BASE_LR", "0.0005"]
    uninterrupted, expected = trainer(train_set, tmp_path / "whole", *options)
    assert type(uninterrupted.optimizer).__name__.startswith(optimizer)
    uninterrupted.train()
    killed, _ = trainer(train_set, tmp_path / "killed", *options, die_after=7)
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    torch.manual_seed(123)
    resumed, record = trainer(train_set, tmp_path / "killed", *options, resume=True)
    assert resumed.start_iter == 6 and resumed.model.bfloat16_training
    resumed.train()
    for iteration in range(6, 9):
        assert record.losses[iteration] == expected.losses[iteration], iteration
    for (name, value), other in zip(uninterrupted.model.state_dict().items(), resumed.model.state_dict().values()):
        assert torch.equal(value, other), name
    if optimizer == "AdamW":
        moments = next(iter(resumed.optimizer.state_dict()["state"].values()))
        assert moments["step"] == 9 and moments["exp_avg_sq"].max() > 0


def test_another_optimizers_state_is_refused_in_one_line(train_set, tmp_path):
    short = ["SOLVER.MAX_ITER", "1", "SOLVER.STEPS", "()"]
    trained, _ = trainer(train_set, tmp_path, *MIXED, *short)
    trained.train()
    with pytest.raises(UserError, match="another SOLVER.OPTIMIZER") as error:
        trainer(train_set, tmp_path, *MIXED, *short, "SOLVER.OPTIMIZER", "AdamW", resume=True)
    assert "\n" not in str(error.value)


def test_without_instructions_training_is_in_float32(train_set, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(config, "multiplies_bfloat16", lambda: False)
    short = ["SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "(1,)"]
    with caplog.at_level(logging.WARNING, logger="constrained_rcnn"):
        trained, record = trainer(train_set, tmp_path / "a", *MIXED, *short)
        trained.train()
    assert len([r for r in caplog.records if "no bfloat16 instructions" in r.getMessage()]) == 1
    assert not trained.model.bfloat16_training
    plain, expected = trainer(train_set, tmp_path / "b", *MIXED, *short, "SOLVER.AMP.ENABLED", "False")
    plain.train()
    assert record.losses == expected.losses


def test_adamw_takes_rates_and_decays_of_the_config(train_set, tmp_path):
    options = ["SOLVER.OPTIMIZER", "AdamW", "SOLVER.BASE_LR", "0.0003", "SOLVER.WEIGHT_DECAY", "0.05"]
    trained, _ = trainer(train_set, tmp_path, *MIXED, *options, "SOLVER.WEIGHT_DECAY_NORM", "0.0")
    optimizer = trained.optimizer
    assert isinstance(optimizer, torch.optim.AdamW) and optimizer.defaults["lr"] == 0.0003
    decays = {}
    names = {id(p): name for name, p in trained.model.named_parameters()}
    for group in optimizer.param_groups:
        decays.update((names[id(p)], group["weight_decay"]) for p in group["params"])
    assert set(decays) == {name for name, p in trained.model.named_parameters() if p.requires_grad}
    assert decays["dense_map.predictor.weight"] == 0.05 and decays["dense_map.fuse4.1.weight"] == 0.0
