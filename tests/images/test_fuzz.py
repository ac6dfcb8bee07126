"""A few thousand damaged files: each is read or refused in one line, in bounded time and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

#: Set FUZZ_FILES to look longer.
FILES = int(os.environ.get("FUZZ_FILES", "3000"))


def test_damaged_files_are_read_or_refused():
    root = Path(__file__).resolve().parents[2]
    seed = os.environ.get("FUZZ_SEED", "1")
    completed = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.helpers.fuzz_images", str(FILES), seed],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr[-3000:]
    counts = json.loads(completed.stdout.splitlines()[-1])
    assert counts["read"] + counts["refused"] == FILES
    assert min(counts.values()) > FILES / 10  # the mutations are neither harmless nor always fatal
