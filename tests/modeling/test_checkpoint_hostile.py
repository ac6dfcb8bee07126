"""Files that are no checkpoint, damaged ones and pickles: one line each, and nothing of them is executed."""

from __future__ import annotations

import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from detectron2.checkpoint.catalog import ModelCatalog

from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer, read_checkpoint
from constrained_rcnn.utils.errors import UserError
from tests.helpers.checkpoints import saved
from tests.helpers.tiny import tiny_model


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a checkpoint", pickle.dumps({"model": Evil()}), pickle.dumps({"model": {"a": 1}}), b"PK\x03\x04" * 10],
)
def test_bad_files_give_one_line_and_execute_nothing(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(UserError, match="bad.pth") as error:
        read_checkpoint("bad.pth")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "executed").exists()


def test_a_missing_file_and_a_truncated_one(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        ManipulationCheckpointer(tiny_model()).load_strictly(str(tmp_path / "none.pth"))
    path = saved(tiny_model(), tmp_path)
    data = open(path, "rb").read()
    open(path, "wb").write(data[: len(data) // 2])
    with pytest.raises(UserError, match="model_final.pth"):
        ManipulationCheckpointer(tiny_model()).load_strictly(path)


def test_a_pickle_is_read_only_with_the_flag_that_says_so(tmp_path):
    """A .pkl file that would create a file when it is read."""

    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    path = tmp_path / "R-18.pkl"
    path.write_bytes(pickle.dumps({"model": {"a": Evil()}, "__author__": "somebody"}))
    model = tiny_model()
    with pytest.raises(UserError, match="TRUST_PICKLED_WEIGHTS True"):
        ManipulationCheckpointer(model).load_for_training(str(path))
    with pytest.raises(UserError, match="can be read safely"):
        ManipulationCheckpointer(model, trust_pickled_weights=True).load_strictly(str(path))
    assert not (tmp_path / "executed").exists()

    weights = {"stem.conv1.weight": model.state_dict()["backbone.stem.conv1.weight"].numpy() + 1}
    path.write_bytes(pickle.dumps({"model": weights, "__author__": "Detectron2", "matching_heuristics": True}))
    original = model.state_dict()["backbone.stem.conv1.weight"].clone()
    ManipulationCheckpointer(model, trust_pickled_weights=True).load_for_training(str(path))
    assert torch.allclose(model.state_dict()["backbone.stem.conv1.weight"], original + 1)


@pytest.fixture
def evil_catalog(tmp_path, monkeypatch):
    """Detectron2's catalog, one of whose names leads to a pickle that would create the file "executed"."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "R-50.pkl").write_bytes(pickle.dumps({"model": {"a": Evil()}, "__author__": "somebody"}))
    monkeypatch.setattr(ModelCatalog, "get", staticmethod(lambda name: str(tmp_path / "R-50.pkl")))
    return "catalog://ImageNetPretrained/MSRA/R-50"


@pytest.mark.parametrize("load", ["load_for_training", "load_strictly", "load", "resume_or_load"])
def test_no_way_of_loading_reads_an_untrusted_pickle(tmp_path, evil_catalog, load):
    for path in (evil_catalog, "R-50.pkl"):
        with pytest.raises(UserError, match="TRUST_PICKLED_WEIGHTS True|can be read safely"):
            getattr(ManipulationCheckpointer(tiny_model(), str(tmp_path)), load)(path)
    os.rename("R-50.pkl", "R-50.pyth")
    with pytest.raises(UserError, match="can be read safely"):
        getattr(ManipulationCheckpointer(tiny_model(), str(tmp_path), trust_pickled_weights=True), load)("R-50.pyth")
    assert not os.path.exists("executed")


def test_resuming_reads_no_pickle(tmp_path, evil_catalog):
    (tmp_path / "last_checkpoint").write_text("R-50.pkl")
    checkpointer = ManipulationCheckpointer(tiny_model(), str(tmp_path), trust_pickled_weights=True)
    with pytest.raises(UserError, match="can be read safely"):
        checkpointer.resume_or_load("", resume=True)
    assert not os.path.exists("executed")


def test_a_trusted_pickle_that_is_damaged(tmp_path):
    (tmp_path / "R.pkl").write_bytes(b"\x80\x04no")
    with pytest.raises(UserError, match="R.pkl: not weights"):
        ManipulationCheckpointer(tiny_model(), trust_pickled_weights=True).load_for_training(str(tmp_path / "R.pkl"))


def test_a_checkpoint_that_unpacks_to_more_than_itself(tmp_path):
    path = tmp_path / "bomb.pth"
    torch.save({"model": {"a": torch.zeros(1_000_000)}}, path)
    assert read_checkpoint(path)["model"]["a"].numel() == 1_000_000
    with zipfile.ZipFile(path) as stored:
        members = {name: stored.read(name) for name in stored.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    assert path.stat().st_size < 100_000
    with pytest.raises(UserError, match="bomb.pth: not a checkpoint"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [
        {"model": {1: torch.zeros(2)}},
        {"model": {"a": torch.zeros(2, 2).to_sparse()}},
        {"model": {"a": torch.zeros(2, dtype=torch.complex64)}},
        {"model": {"a": torch.zeros(2, device="meta")}},
        {"model": {"a": torch.zeros(2)}, "metadata": ["splice"]},
    ],
)
def test_content_that_is_no_model(tmp_path, content):
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(UserError, match="odd.pth"):
        read_checkpoint(tmp_path / "odd.pth")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_damaged_checkpoints_are_read_or_refused(tmp_path):
    """Changed bytes in the pickle of a checkpoint, which Torch meets with errors of many kinds."""
    path, outcomes = tmp_path / "a.pth", set()
    torch.save({"model": {"a": torch.ones(3, 4), "b": torch.ones(2)}, "metadata": {}}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (pickled,) = (name for name in members if name.endswith("data.pkl"))
    for seed in range(400):
        rng = np.random.default_rng(seed)
        data = bytearray(members[pickled])
        for position in rng.integers(len(data), size=2):
            data[position] ^= 1 << rng.integers(8)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, bytes(data) if name == pickled else content)
        try:
            outcomes.add(type(read_checkpoint(path)))
        except UserError as error:
            outcomes.add(type(error.__cause__))
    assert {dict, IndexError} <= outcomes
