"""What the worker process does with an upload: the files of ``detect``, the sheet, and a comparison."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .jobs import Job
from .progress import COMPARING, DETECTING, STARTING, Progress
from .runner import Dead, Failed

#: What the names of a result's files begin with; the user's name of the file is in them, not on them.
NAME = "image"


@dataclass(frozen=True)
class Assignment:
    """Attributes: folder: for the files. file, label: the upload, and what the user calls it. other, other_label: the
    same of the image that it is compared with; None: the upload is detected."""

    folder: Path
    file: Path
    label: str
    other: Path | None = None
    other_label: str = ""


@dataclass(frozen=True)
class WorkerMaker:
    """Makes the worker's function; imported by the server, so nothing heavy is loaded before it is called.

    Attributes:
        config_file, options: see :func:`...model_zoo.load_default_config`.
        progress: that the server reads.
    """

    config_file: str | None
    options: tuple[str, ...]
    progress: Progress

    def __call__(self, number: int) -> Callable[[Assignment], dict[str, Any] | Failed]:
        # Of Detectron2's import; nothing that a user could do about it.
        warnings.filterwarnings("ignore", message=".*torch.jit.*is deprecated", category=FutureWarning)
        from .comparison import compare_two
        from .detection import Detection

        detect = Detection(self.config_file, list(self.options), self.progress)
        return partial(_work, self.progress, detect, compare_two)

    def lost(self, task: Assignment, why: str) -> Failed:
        return Dead(why)


def assign(progress: Progress, job: Job) -> Assignment:
    """What the worker is given for a job."""
    progress.tell(STARTING)
    other = job.other
    if other is None:
        return Assignment(job.folder, job.file, job.name)
    return Assignment(job.folder, job.file, job.name, other.file, other.name)


def _work(progress: Progress, detect: Callable, compare: Callable, task: Assignment) -> dict[str, Any] | Failed:
    progress.tell(DETECTING if task.other is None else COMPARING)
    try:
        return detect(task) if task.other is None else compare(task)
    except Exception as error:  # the process itself is as good as before
        from ..files import reason

        return Failed(reason(error, task.file))
