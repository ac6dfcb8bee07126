"""What the API and the page say of a job."""

from __future__ import annotations

from typing import Any

from .jobs import COMPARISON, DONE, FAILED, RUNNING, UPLOADING, WAITING, Job, Jobs
from .progress import Progress


def state_of(job: Job, jobs: Jobs, progress: Progress) -> dict[str, Any]:
    """A job as the API describes it, JSON-ready."""
    step, done, total = progress.read() if job.state == RUNNING else ("", 0, 0)
    before = jobs.place(job)
    return {
        "id": job.id, "kind": job.kind, "name": job.name, "state": job.state,
        "status": _words(job, before, step, done, total), "before": before, "done": done, "total": total,
        "error": job.error or None, "files": list(job.files),
    }  # fmt: skip


def _words(job: Job, before: int, step: str, done: int, total: int) -> str:
    if job.state == UPLOADING:
        return "on its way"
    if job.state == WAITING:
        return f"waiting, {before} before it" if before else "waiting"
    if job.state == RUNNING:
        return f"{step}, {done} of {total}" if total > 1 else step
    if job.state == FAILED:
        return f"failed: {job.error}"
    return _found(job) if job.state == DONE else job.state


def _found(job: Job) -> str:
    if job.kind == COMPARISON:
        pair = job.record["pair"]
        return pair["relation"].replace("same picture", "same image") if pair else "nothing in common"
    return f"{job.record['decision']}, score {job.record['score']:.2f}"
