"""How far the worker process is with an image."""

from __future__ import annotations

import multiprocessing

#: What the worker does, in the order in which it does it.
STEPS = ("starting", "detecting", "asking witnesses", "comparing")
STARTING, DETECTING, ASKING, COMPARING = STEPS


class Progress:
    """In memory that both processes see and neither locks: one that dies keeps nothing from the other.

    Handed to a process when it is started; no pipe could carry it.
    """

    def __init__(self):
        self._cells = multiprocessing.get_context("spawn").RawArray("i", 3)

    def tell(self, step: str, done: int = 0, total: int = 0) -> None:
        """Args: step: one of ``STEPS``. done, total: parts of the step; total 0: nobody knows."""
        self._cells[:] = [STEPS.index(step), done, total]

    def read(self) -> tuple[str, int, int]:
        """What was told last."""
        step, done, total = self._cells[:]
        return STEPS[step], done, total
