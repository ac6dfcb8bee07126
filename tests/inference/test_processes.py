"""Forked children predict or say why they cannot; freed memory is given back."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from constrained_rcnn.inference import processes
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from tests.helpers.commands import clean_environment
from tests.helpers.tiny import tiny_cfg, tiny_model

CPU, GPU = torch.device("cpu"), torch.device("cuda")
#: A parent that has run something in parallel, and a child that does the same; without the guard it waits for ever.
FORKED = """
import multiprocessing
import cv2, numpy, torch
from constrained_rcnn.inference.processes import before_prediction, guard_forks

def work():
    before_prediction(torch.device("cpu"))
    kernel = torch.ones(8, 8, 3, 3)
    blurred = cv2.GaussianBlur(numpy.ones((1000, 1000), numpy.uint8), (0, 0), 3)
    return float(torch.conv2d(torch.ones(1, 8, 500, 500), kernel).sum()) + float(blurred.sum())

def several(_):
    torch.set_num_threads(2)
    try:
        work()
    except RuntimeError as error:
        return str(error)

torch.set_num_threads(2)
cv2.setNumThreads(2)
guard_forks()
guard_forks()
expected = work()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.starmap(work, [()] * 4) == [expected] * 4
    assert all("forked" in said and "spawn" in said for said in pool.map(several, range(2)))
assert work() == expected and torch.get_num_threads() == 2 and cv2.getNumThreads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX forks")
def test_forked_children_work_and_with_several_threads_refuse():
    command = [sys.executable, "-c", FORKED]
    completed = subprocess.run(command, env=clean_environment(), text=True, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stderr


@pytest.fixture
def state(monkeypatch):
    """The module's state, as before after the test."""
    monkeypatch.setattr(processes, "_state", dict(processes._state))
    return processes._state


def test_a_child_of_a_process_that_used_the_gpu_is_told_to_be_spawned(state, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    state.update(forked=True, cuda=True)
    processes.before_prediction(CPU)
    with pytest.raises(RuntimeError, match='GPU.*"spawn"'):
        processes.before_prediction(GPU)
    state.update(cuda=False)  # it may be the child's own
    processes.before_prediction(GPU)


def test_opencv_has_its_threads_again_after_a_fork(state):
    threads = cv2.getNumThreads()
    processes._before_fork()
    assert cv2.getNumThreads() == 1
    processes._in_parent()
    assert cv2.getNumThreads() == threads


def test_the_predictor_guards_forks_and_gives_memory_back_before_each_image(state, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(processes, "_malloc_trim", lambda: calls.append)
    monkeypatch.setattr(os, "register_at_fork", lambda **hooks: calls.append(sorted(hooks)), raising=False)
    state["guarded"] = False
    ManipulationCheckpointer(tiny_model(), str(tmp_path)).save("model")
    predictor = ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", str(tmp_path / "model.pth")))
    assert calls == [["after_in_child", "after_in_parent", "before"]]
    image = np.zeros((40, 50, 3), np.uint8)
    predictor(image)
    predictor.predict_batch([image, image])
    assert calls[1:] == [0, 0, 0]
    state["forked"] = True
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    for predict in (lambda: predictor(image), lambda: predictor.predict_batch([image])):
        with pytest.raises(RuntimeError, match='"spawn"'):
            predict()


@pytest.mark.parametrize("wanted, kept", [(None, "64"), ("500", "500")])
def test_the_predictor_bounds_compiled_operations_unless_the_user_does(monkeypatch, tmp_path, wanted, kept):
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", wanted or "")
    if wanted is None:
        monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY")
    ManipulationCheckpointer(tiny_model(), str(tmp_path)).save("model")
    ManipulationPredictor(tiny_cfg("MODEL.WEIGHTS", str(tmp_path / "model.pth")))
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == kept


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_this_c_library_gives_memory_back():
    trim = processes._malloc_trim()
    assert trim is None or trim(0) in (0, 1)
