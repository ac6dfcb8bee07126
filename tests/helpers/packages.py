"""Wheels and source archives of this checkout, built without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_source(target: Path) -> Path:
    """A copy of the checkout in an empty folder, so that the checkout gets no build folder. Returns the copy."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("constrained_rcnn", "configs", "datasets", "requirements", "tests", "tools"):
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff"):
        shutil.copy(ROOT / name, target)
    return target


def build_wheel(source: Path, folder: Path, *, lite: bool = False) -> Path:
    """Builds the wheel of a source folder or archive."""
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    environ = {**os.environ, "CONSTRAINED_RCNN_LITE": "1" if lite else ""}
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True, env=environ)
    (built,) = folder.glob("*.whl")
    return built


def build_archive(source: Path, folder: Path) -> Path:
    """Builds the source archive."""
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.tar.gz")
    return built


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def metadata_of(wheel: Path):
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_string(packed.read(name).decode())
