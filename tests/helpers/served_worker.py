"""What stands for the network in tests of ``constrained-rcnn serve``; light, for each process imports this."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from constrained_rcnn.apps.serve.progress import DETECTING, Progress
from constrained_rcnn.apps.serve.runner import Dead, Failed
from constrained_rcnn.apps.serve.worker import Assignment


@dataclass(frozen=True)
class Obedient:
    """Stands for the network: does what its files are called after, and says what they hold."""

    progress: Progress

    def __call__(self, number: int):
        return self._do

    def lost(self, task: Assignment, why: str) -> Failed:
        return Dead(why)

    def _do(self, task: Assignment):
        if task.label == "dies":
            os._exit(3)
        if task.label == "forever":
            self.progress.tell(DETECTING, 3, 12)
            while True:  # until it is killed
                time.sleep(60)
        if task.label == "bad":
            return Failed("not an image")
        (task.folder / "image.json").write_text("{}")
        content = task.file.read_bytes().decode()
        return {"decision": "said", "score": 0.5, "content": content, "file": task.file.name}
