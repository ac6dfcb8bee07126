"""What worker processes do in tests; light, for each of them imports this."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.locks import open_locked


@dataclass(frozen=True)
class Obedient:
    """Does what its tasks are called after; ``starting`` is done in place of a start, in each process."""

    starting: str = ""
    lock: Path | None = None

    def __call__(self, number: int):
        if self.lock:
            globals()["held"] = open_locked(self.lock, "somebody has it")
        if self.starting:
            self._do(self.starting)
        return self._do

    def lost(self, task: str, why: str) -> str:
        return f"{task}: lost: {why}"

    @staticmethod
    def _do(task: str) -> str:
        if task == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "exits":
            os._exit(3)
        if task == "interrupted":
            os.kill(os.getpid(), signal.SIGINT)
        if task == "refused":
            raise UserError("the output: cannot be written")
        return f"{task}: done"
