"""What examining a large image takes at most: counted bytes, no times."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.photo_files import as_jpeg, photo

#: Bytes per pixel at the peak, beyond what the process held before.
MOST = 30
_SCRIPT = """
import sys
from constrained_rcnn.evidence.examination import ask
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.registry import WITNESSES

def peak():
    # Not getrusage's, which keeps the peak of the process that started this one.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

def examine(path):
    exhibit = Exhibit.read(path)
    for name, witness in WITNESSES.items():
        if name != "copy_move":
            assert "error" not in ask(witness, exhibit).facts, name
    return exhibit.luma.size

examine(sys.argv[1])  # what is loaded and cached once
before = peak()
pixels = examine(sys.argv[2])
print((peak() - before) / pixels)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read as Linux tells it")
def test_large_image_takes_few_bytes_per_pixel(tmp_path):
    small, large = tmp_path / "small.jpg", tmp_path / "large.jpg"
    small.write_bytes(as_jpeg(photo(), 92))
    rows, columns = (-(-side // one) for side, one in zip((3000, 4000), photo().shape))
    pixels = np.tile(photo(), (rows, columns, 1))[:3000, :4000]
    large.write_bytes(as_jpeg(np.ascontiguousarray(pixels), 92))
    run = subprocess.run([sys.executable, "-c", _SCRIPT, small, large], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert 6 < float(run.stdout) < MOST  # pixels and luma alone are 4, the decoder's copy 4
