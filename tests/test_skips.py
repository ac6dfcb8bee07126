"""The option that .ci/run relies on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VARIABLE = "CONSTRAINED_RCNN_PARITY"
IN_TEST = "import pytest\ndef test_it():\n    {}\n"
WHOLE_MODULE = "import pytest\n{}\ndef test_it():\n    pass\n"


@pytest.mark.parametrize(
    "text, environ, passes",
    [
        (IN_TEST.format("pass"), {}, True),
        (IN_TEST.format("assert False"), {}, False),
        (IN_TEST.format("pytest.skip('needs CUDA')"), {}, True),
        (IN_TEST.format("pytest.skip('no time')"), {}, False),
        (IN_TEST.format(f"pytest.skip('{VARIABLE} is not set')"), {}, True),
        (IN_TEST.format(f"pytest.skip('{VARIABLE} is not set')"), {VARIABLE: "there"}, False),
        (WHOLE_MODULE.format("pytest.skip('needs CUDA', allow_module_level=True)"), {}, True),
        (WHOLE_MODULE.format("pytest.importorskip('a_module_that_nobody_has')"), {}, False),
    ],
)
def test_unexpected_skips_fail_the_run(tmp_path, text, environ, passes):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_it.py").write_text(text)
    (tmp_path / "test_another.py").write_text("def test_another():\n    pass\n")
    clean = {key: value for key, value in os.environ.items() if key != VARIABLE}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-unexpected-skips", "."]
    ran = subprocess.run(command, cwd=tmp_path, env={**clean, **environ}, capture_output=True, text=True)
    assert (ran.returncode == 0) is passes, ran.stdout
