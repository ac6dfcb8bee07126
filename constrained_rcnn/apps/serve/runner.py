"""Works off the jobs in one worker process; whatever becomes of that process costs one job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...utils.errors import UserError
from ..detect.workers import Maker, Workers
from .jobs import RUNNING, Job, Jobs

#: What users read where the process died.
_ADVICE = "too little memory? Take a smaller image"
_ENDING = "the server is ending"


@dataclass(frozen=True)
class Failed:
    """What a worker returns in place of a record. Attributes: why: there is none, on one line."""

    why: str


class Dead(Failed):
    """What a worker's ``lost`` returns: the process is gone."""


class Runner:
    """A thread and its worker process; a context manager that ends both.

    A job is stopped by killing the process: nothing in it can refuse. Another process starts at once.

    Attributes:
        ending: no further job is begun.
    """

    def __init__(self, jobs: Jobs, make: Maker, task: Callable[[Job], Any], seconds: float):
        """
        Args:
            jobs: what there is to do.
            make: of the worker's function, which returns a record or ``Failed``; its ``lost`` returns ``Dead``.
            task: what the worker is given for a job.
            seconds: that a job may take.
        """
        self._jobs, self._make, self._task, self._seconds = jobs, make, task, seconds
        self._thread = threading.Thread(target=self._work_off, name="runner", daemon=True)
        self._lock = threading.Lock()  # of what follows
        self._workers: Workers | None = None
        self._busy: Job | None = None
        self.ending = False

    def __enter__(self) -> Runner:
        """Starts the process, and waits until it is ready.

        Raises:
            UserError: it cannot start.
        """
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        with self._lock:
            self.ending = True
            self._stop(_ENDING)
        self._jobs.close()
        self._thread.join()
        self._end()

    def cancel(self, job: Job) -> None:
        """Takes a job away; a running one is stopped."""
        with self._lock:
            self._jobs.remove(job)
            if self._busy is job:
                self._stop("cancelled")

    def _work_off(self) -> None:
        while True:
            self._start_again()
            job = self._jobs.next()
            if job is None:
                return
            with self._lock:
                self._busy = job
            timer = threading.Timer(self._seconds, self._overtime, [job])
            timer.daemon = True
            timer.start()
            outcome = self._outcome(job)
            timer.cancel()
            with self._lock:
                self._busy = None
                outcome = Dead(job.stopped) if job.stopped else outcome
            if isinstance(outcome, Dead):
                self._end()
            if isinstance(outcome, Failed):
                self._jobs.finish(job, None, outcome.why)
            else:
                self._jobs.finish(job, outcome)

    def _outcome(self, job: Job) -> Any:
        try:
            if self._workers is None:
                self._start()
            if job.state != RUNNING:  # it was removed meanwhile
                return Dead("cancelled")
            (outcome,) = self._workers.run([self._task(job)])
            return outcome
        except UserError as error:
            return Dead(str(error))
        except Exception as error:  # whatever one job does, the rest go on
            return Dead(f"failed in a way that was not foreseen, please report it: {type(error).__name__}: {error}")

    def _overtime(self, job: Job) -> None:
        with self._lock:
            if self._busy is job:
                self._stop(f"took longer than {self._seconds:g} seconds; take a smaller image, or give --seconds")

    def _stop(self, why: str) -> None:
        if self._busy is not None:
            self._busy.stopped = self._busy.stopped or why
        if self._workers is not None:
            self._workers.kill()

    def _start(self) -> None:
        with self._lock:
            if self.ending:
                raise UserError(_ENDING)
            workers = self._workers = Workers(self._make, 1, _ADVICE)
        workers.__enter__()

    def _start_again(self) -> None:
        """Starts a process where there is none, so that the next job need not wait for it."""
        if self._workers is None:
            try:
                self._start()
            except UserError:  # the next job says so, if it is still so then
                self._end()

    def _end(self) -> None:
        with self._lock:
            workers, self._workers = self._workers, None
        if workers is not None:
            workers.__exit__()
