"""What was uploaded: each upload a job with a folder of its own, first come, first served."""

from __future__ import annotations

import datetime
import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...utils.errors import UserError
from .limits import Limits

DETECTION, COMPARISON = "detection", "comparison"
UPLOADING, WAITING, RUNNING, DONE, FAILED, GONE = "uploading", "waiting", "running", "done", "failed", "gone"
#: States in which nothing more happens to a job.
ENDED = (DONE, FAILED, GONE)


class QueueFull(UserError):
    """No further upload is taken now."""


@dataclass(eq=False)
class Job:
    """
    Attributes:
        id: nobody can guess it; sorts by time.
        kind: ``DETECTION`` or ``COMPARISON``.
        name: of the user's file, for people; no file is called by it.
        folder: of its own: the upload and all that is made of it.
        other: of a comparison, the job whose image the upload is compared with.
        file: the upload, once it is there.
        state: one of those above.
        error: why there is no result, on one line.
        record: what the worker said: of a detection the content of its JSON file.
        files: what may be fetched, relative to the folder; not the upload, which can be anything.
        stopped: why it was ended from outside.
    """

    id: str
    kind: str
    name: str
    folder: Path
    other: Job | None = None
    file: Path | None = None
    state: str = UPLOADING
    error: str = ""
    record: dict[str, Any] | None = None
    files: tuple[str, ...] = field(default=(), repr=False)
    stopped: str = ""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Jobs:
    """All jobs of a session. Requests add them, one thread works them off; every method may be called from any."""

    def __init__(self, folder: Path, limits: Limits, *, keep: bool = False):
        """
        Args:
            folder: for the jobs' folders.
            limits: of the session.
            keep: leave the folders of finished jobs there.
        """
        self._folder, self._limits, self._keep = folder, limits, keep
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._closed = False

    def add(self, kind: str, name: str, other: Job | None = None) -> Job:
        """A place for an upload, before its content is read.

        Raises:
            QueueFull: as many as may be are on their way.
        """
        with self._changed:
            waiting = sum(job.state in (UPLOADING, WAITING) for job in self._jobs.values())
            if waiting >= self._limits.waiting:
                raise QueueFull(f"{waiting} images are waiting already; try again when some are done")
            now = datetime.datetime.now(datetime.timezone.utc)
            job_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(12)}"
            job = Job(job_id, kind, name, self._folder / job_id, other)
            job.folder.mkdir(parents=True)
            self._jobs[job.id] = job
            return job

    def start(self, job: Job, file: Path) -> None:
        """Lets a job wait for its turn: its upload is there."""
        with self._changed:
            if job.state == UPLOADING:
                job.file, job.state = file, WAITING
                self._changed.notify_all()

    def next(self) -> Job | None:
        """Waits for a job, which is running from then on; None: the session ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._first() is not None)
            job = None if self._closed else self._first()
            if job is not None:
                job.state = RUNNING
            return job

    def finish(self, job: Job, record: dict[str, Any] | None, error: str = "") -> None:
        """Ends a running job; of one that was removed meanwhile nothing stays."""
        with self._changed:
            if job.state != RUNNING:
                self._clear(job)
                return
            if record is not None:
                written = (path for path in job.folder.rglob("*") if path.is_file() and path != job.file)
                job.files = tuple(sorted(path.relative_to(job.folder).as_posix() for path in written))
            elif not self._keep:
                self._clear(job)
            job.record, job.error = record, error
            job.state = DONE if record is not None else FAILED  # last: others look without the lock
            ended = [one for one in self._jobs.values() if one.ended]
            for one in ended[: max(0, len(ended) - self._limits.shown)]:
                self._drop(one)

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def all(self) -> list[Job]:
        """In their order."""
        with self._changed:
            return list(self._jobs.values())

    def place(self, job: Job) -> int:
        """How many jobs come before a waiting one."""
        waiting = [one for one in self.all() if one.state in (WAITING, RUNNING)]
        return waiting.index(job) if job in waiting else 0

    def remove(self, job: Job) -> None:
        """Takes a job away, whatever its state; a running one goes on until the worker is stopped."""
        with self._changed:
            if self._jobs.get(job.id) is job:
                self._drop(job)

    def close(self) -> None:
        """Ends the session: nothing more is handed out, and what is not done fails."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                if job.state in (UPLOADING, WAITING):  # of a running one the worker still writes
                    self._clear(job)
                if not job.ended:
                    job.state, job.error = FAILED, "the server is ending"
            self._changed.notify_all()

    def _first(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == WAITING), None)

    def _drop(self, job: Job) -> None:
        del self._jobs[job.id]
        done, job.state = job.state == DONE, GONE
        if not (done and self._keep):
            self._clear(job)

    @staticmethod
    def _clear(job: Job) -> None:
        shutil.rmtree(job.folder, ignore_errors=True)
