"""Other processes that get to a known state and stay there, so that no test depends on time."""

from __future__ import annotations

import subprocess
import sys

from tests.helpers.commands import clean_environment


class Elsewhere:
    """Another process that runs some code, says so, and stays until it is killed."""

    def __init__(self, code: str):
        code = f"import sys\n{code}\nprint('ready', flush=True)\nsys.stdin.read()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment()
        )
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def claimed_elsewhere(folder) -> Elsewhere:
    """A process that has claimed an output folder."""
    module = "constrained_rcnn.utils.output_folder"
    return Elsewhere(f"from {module} import output_folder\nclaim = output_folder({str(folder)!r})\nclaim.__enter__()")
