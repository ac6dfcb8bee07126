"""The queue and its worker: whatever becomes of one image, the rest are done, and nothing stays of it."""

from __future__ import annotations

import multiprocessing

import pytest

from constrained_rcnn.apps.serve.jobs import DETECTION, QueueFull
from constrained_rcnn.apps.serve.progress import DETECTING
from tests.helpers.served import obedient_api, until


@pytest.fixture(autouse=True)
def nobody_is_left():
    yield
    assert multiprocessing.active_children() == []


def queue(api, name: str):
    job = api.jobs.add(DETECTION, name)
    file = job.folder / "image.png"
    file.write_bytes(name.encode())
    api.jobs.start(job, file)
    return job


def ended(job):
    return until(lambda: job.state, lambda state: job.ended)


def test_a_process_that_dies_costs_its_image_alone(tmp_path):
    with obedient_api(tmp_path) as api:
        jobs = [queue(api, name) for name in ("one", "dies", "bad", "two")]
        assert [ended(job) for job in jobs] == ["done", "failed", "failed", "done"]
        assert "status 3" in jobs[1].error and "smaller image" in jobs[1].error and jobs[2].error == "not an image"
        assert jobs[3].record["content"] == "two" and jobs[3].files == ("image.json",)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(job.id for job in (jobs[0], jobs[3]))


def test_time_is_limited(tmp_path):
    with obedient_api(tmp_path, seconds=1) as api:
        job, after = queue(api, "forever"), queue(api, "after")
        assert ended(job) == "failed" and "longer than 1 seconds" in job.error
        assert ended(after) == "done"


def test_cancelling_what_runs_and_what_waits(tmp_path):
    with obedient_api(tmp_path) as api:
        job, waiting, after = (queue(api, name) for name in ("forever", "forever", "after"))
        until(api.progress.read, lambda told: told == (DETECTING, 3, 12))
        assert api.jobs.place(after) == 2
        api.runner.cancel(waiting)
        api.runner.cancel(job)
        assert ended(after) == "done" and job.state == waiting.state == "gone"
        until(lambda: [path.name for path in tmp_path.iterdir()], lambda names: names == [after.id])
        api.runner.cancel(after)
        assert list(tmp_path.iterdir()) == [] and api.jobs.all() == []


def test_the_end_of_a_session_stops_what_runs(tmp_path):
    with obedient_api(tmp_path) as api:
        jobs = [queue(api, name) for name in ("forever", "waits")]
        until(lambda: jobs[0].state, lambda state: state == "running")
    assert all(job.state == "failed" and "ending" in job.error for job in jobs)
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_limited(tmp_path):
    with obedient_api(tmp_path, waiting=2, shown=1) as api:
        running = queue(api, "forever")
        until(lambda: running.state, lambda state: state == "running")
        first, second = queue(api, "first"), queue(api, "second")
        with pytest.raises(QueueFull, match="2 images are waiting"):
            api.jobs.add(DETECTION, "third")
        api.runner.cancel(running)
        assert ended(second) == "done"
        assert first.state == "gone" and api.jobs.all() == [second]


def test_what_is_kept_is_what_was_done(tmp_path):
    with obedient_api(tmp_path, keep=True, shown=1) as api:
        jobs = [queue(api, name) for name in ("one", "two", "forever")]
        until(lambda: jobs[2].state, lambda state: state == "running")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(job.id for job in jobs[:2])
    assert (jobs[0].folder / "image.png").read_bytes() == b"one"
