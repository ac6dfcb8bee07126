"""Worker processes: every task once, whatever becomes of a process; and none is left behind."""

from __future__ import annotations

import fcntl
import multiprocessing

import pytest

from constrained_rcnn.apps.detect.workers import Workers
from constrained_rcnn.utils.errors import UserError
from tests.helpers.processes import Elsewhere
from tests.helpers.worker_makers import Obedient


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_process_that_dies_costs_its_task_alone(jobs):
    tasks = ["one", "killed", "two", "exits", "interrupted", "killed", "three"]
    with Workers(Obedient(), jobs) as workers:
        outcomes = list(workers.run(tasks))
    done = [f"{task}: done" for task in tasks if task not in ("killed", "exits")]
    assert sorted(outcome for outcome in outcomes if "lost" not in outcome) == sorted(done)
    lost = sorted(outcome for outcome in outcomes if "lost" in outcome)
    assert len(lost) == 3 and "status 3" in lost[0] and "SIGKILL" in lost[1] and lost[1] == lost[2]
    assert len(outcomes) == len(tasks)


def test_an_error_of_the_run_ends_it():
    with Workers(Obedient(), 2) as workers, pytest.raises(UserError, match="the output: cannot be written"):
        list(workers.run(["refused", "one", "two"]))


@pytest.mark.parametrize(
    "starting, said", [("refused", "the output"), ("exits", "^a worker process ended.*status 3.*Take fewer --jobs")]
)
def test_a_worker_that_cannot_start(starting, said):
    with pytest.raises(UserError, match=said), Workers(Obedient(starting), 2):
        pass


def test_leaving_early_ends_all():
    with pytest.raises(KeyboardInterrupt), Workers(Obedient(), 2) as workers:
        for _ in workers.run(["one"] * 50):
            raise KeyboardInterrupt


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    lock = tmp_path / "lock"
    parent = Elsewhere(
        "from pathlib import Path\n"
        "from constrained_rcnn.apps.detect.workers import Workers\n"
        "from tests.helpers.worker_makers import Obedient\n"
        f"workers = Workers(Obedient(lock=Path({str(lock)!r})), 1)\n"
        "workers.__enter__()"
    )
    parent.kill()
    with open(lock, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits until the worker, which has it, is gone
