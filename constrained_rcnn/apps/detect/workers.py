"""Worker processes that share the files of one run: a file that kills its process costs itself and nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from ...utils.errors import UserError

_READY, _DONE, _FAILED = "ready", "done", "failed"
#: Seconds that a worker gets to end once it has been told to.
_LAST_SECONDS = 5


class Maker(Protocol):
    """What a worker does."""

    def __call__(self, number: int) -> Callable[[Any], Any]:
        """Called once in each process, with the number of its place; returns what makes an outcome of a task. A
        ``UserError`` in either ends the run."""

    def lost(self, task: Any, why: str) -> Any:
        """The outcome of a task over which its process died; ``why`` on one line."""


@dataclass
class _Worker:
    """Attributes: number: of its place, from 0. task: what it works on; None: nothing. ready: it has started."""

    number: int
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    task: Any = None
    ready: bool = False


class Workers:
    """Processes made by "spawn"; a context manager that ends them however it is left."""

    def __init__(self, make: Maker, jobs: int, advice: str = "too little memory? Take fewer --jobs"):
        """
        Args:
            make: can be pickled, as tasks and outcomes.
            jobs: number of processes.
            advice: what users read where a process died.
        """
        self._make, self._jobs, self._advice = make, jobs, advice
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._waiting: deque[Any] = deque()
        self._killed = False

    def __enter__(self) -> Workers:
        """Starts them and waits for the first.

        Raises:
            UserError: it cannot start.
        """
        try:
            for number in range(self._jobs):
                self._start(number)
            while not any(worker.ready for worker in self._workers):
                for worker in self._reporting():
                    self._hear(worker)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *error) -> None:
        self._end()

    def run(self, tasks: Sequence[Any]) -> Iterator[Any]:
        """Yields outcomes as they are finished.

        Raises:
            UserError: what a worker raised; or a worker ended before it had started.
        """
        self._waiting.extend(tasks)
        unfinished = len(tasks)
        while unfinished:
            self._hand_out()
            for worker in self._reporting():
                if (outcome := self._hear(worker)) is not None:
                    unfinished -= 1
                    yield outcome

    def kill(self) -> None:
        """Ends the processes at once, from any thread. What starts or runs them ends with a ``UserError``."""
        self._killed = True
        for worker in list(self._workers):
            worker.process.kill()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.ready and worker.task is None and self._waiting:
                worker.task = self._waiting.popleft()
                try:
                    worker.pipe.send(worker.task)
                except OSError:  # it has died, which is heard next, of whatever else than this task
                    self._waiting.appendleft(worker.task)
                    worker.task = None

    def _start(self, number: int) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._make, number, theirs), daemon=True)
        with _interrupts_held():
            process.start()
        theirs.close()
        self._workers.append(_Worker(number, process, ours))
        if self._killed:  # meanwhile, by another thread
            process.kill()

    def _reporting(self) -> list[_Worker]:
        pipes = wait([worker.pipe for worker in self._workers])
        return [worker for worker in self._workers if worker.pipe in pipes]

    def _hear(self, worker: _Worker) -> Any:
        """The outcome of a task that a worker has finished or died over; None for other news."""
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if kind == _FAILED:
            raise content
        worker.ready, worker.task = True, None
        return content if kind == _DONE else None

    def _bury(self, worker: _Worker) -> Any:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        status = worker.process.exitcode
        how = f"signal {-status}, {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        if self._killed:
            raise UserError("the worker processes were stopped")
        if not worker.ready:
            raise UserError(f"a worker process ended while it started ({how}); {self._advice}")
        if self._waiting:
            self._start(worker.number)
        if worker.task is None:
            return None
        return self._make.lost(worker.task, f"its worker process ended ({how}); {self._advice}")

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_LAST_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._workers.clear()


def _work(make: Maker, number: int, pipe: Connection) -> None:
    """What a worker process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        do = make(number)
        pipe.send((_READY, None))
        while (task := _next(pipe)) is not None:
            pipe.send((_DONE, do(task)))
    except UserError as error:
        pipe.send((_FAILED, error))


def _next(pipe: Connection) -> Any:
    """The next task; None: there is no parent any more."""
    try:
        return pipe.recv()
    except EOFError:
        return None


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers, and its output folder is somebody else's from then on."""
    multiprocessing.parent_process().join()
    os._exit(1)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits, and what is started inside never sees it: not even while it imports, before it can ignore it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
