"""The Containerfile's script installs the package in a clean folder; the Containerfile runs that script."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers import packages


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment that the script makes; it finds the pinned libraries of this one and downloads nothing."""
    source = packages.copy_source(tmp_path_factory.mktemp("source"))
    environment = tmp_path_factory.mktemp("opt") / "env"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    for own in site.glob("setuptools*"):  # of another version than the pinned one
        shutil.rmtree(own)
    (site / "of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(
        ["sh", str(source / "tools" / "install_cpu.sh"), str(environment)],
        cwd=tmp_path_factory.mktemp("clean"),
        env={**environ, "PIP_NO_INDEX": "1", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].startswith("constrained-rcnn ")
    return environment


def test_the_script_installs_a_command_that_detects(environment, tmp_path):
    Image.fromarray(np.full((64, 80, 3), 90, np.uint8)).save(tmp_path / "plain.png")
    command = [str(environment / "bin" / "constrained-rcnn"), "detect", "--input", "plain.png", "--output", "out"]
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert ran.returncode == 0 and (tmp_path / "out" / "plain.json").is_file(), ran.stderr


def test_the_command_is_the_installed_package(environment, tmp_path):
    code = "import constrained_rcnn; print(constrained_rcnn.__file__)"
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ran = subprocess.run(
        [str(environment / "bin" / "python"), "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert Path(ran.stdout.strip()).is_relative_to(environment), ran.stderr


def test_the_container_runs_the_script():
    lines = (packages.ROOT / "Containerfile").read_text().splitlines()
    assert "RUN sh /source/tools/install_cpu.sh /opt/constrained_rcnn" in lines
    assert not [line for line in lines if line.startswith("RUN") and "pip install" in line]
    ignored = (packages.ROOT / ".containerignore").read_text().split()
    assert {".git", ".venv", "output"} <= set(ignored)
