"""What `make dist` makes: source archive and both wheels hold what they should, and an index would take them."""

import re
import subprocess
import sys
import tarfile

import pytest

from constrained_rcnn import __version__
from tests.helpers import packages

#: What neither archive nor wheel may hold.
OTHERS = re.compile(
    r"(^|/)(tests?|datasets|output|build|dist|scratch|\.git|\.venv|__pycache__)/|\.(jpe?g|pyc)$|(?<!/codebook)\.npz$"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return packages.copy_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def archive(source, tmp_path_factory):
    return packages.build_archive(source, tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def wheel(archive, tmp_path_factory):
    """Of the archive, as an index would have it."""
    return packages.build_wheel(archive, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def lite(archive, tmp_path_factory):
    return packages.build_wheel(archive, tmp_path_factory.mktemp("lite"), lite=True)


def test_the_archive_holds_all_that_is_installed(archive, source):
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert not [name for name in names if OTHERS.search(name)]
    wanted = {path.relative_to(source) for path in (source / "constrained_rcnn").rglob("*") if path.is_file()}
    wanted |= {path.relative_to(source) for path in (source / "configs").rglob("*.yaml")}
    left_out = {path.as_posix() for path in wanted if not path.suffix == ".md"} - names
    assert left_out == set()
    assert {"setup.py", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "tools/demo.ipynb"} < names


def test_the_wheel_of_the_archive_is_whole(wheel, source):
    names = packages.names_in(wheel)
    assert not [name for name in names if OTHERS.search(name)]
    folder = source / "constrained_rcnn"
    kinds = ("*.py", "*.html", "*.css", "*.js", "*.npz", "*.json", "*.pth", "*.onnx", "py.typed")
    wanted = {path.relative_to(source).as_posix() for kind in kinds for path in folder.rglob(kind)}
    wanted |= {f"constrained_rcnn/{path.relative_to(source).as_posix()}" for path in source.glob("configs/*.yaml")}
    assert wanted - names == set() and "constrained_rcnn/demo.ipynb" in names


def test_the_lite_wheel_needs_no_torch(lite, source):
    metadata, names = packages.metadata_of(lite), packages.names_in(lite)
    needed = {re.match(r"[\w-]+", text)[0] for text in metadata.get_all("Requires-Dist")}
    assert (metadata["Name"], metadata["Version"]) == ("constrained_rcnn_lite", __version__)
    assert needed == {"jinja2", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "tqdm"}
    weights = {name for name in names if name.startswith("constrained_rcnn/weights/")}
    assert weights == {
        f"constrained_rcnn/weights/{path.name}" for path in source.glob("constrained_rcnn/weights/*.onnx")
    }
    assert not [name for name in names if OTHERS.search(name) or "/modeling/" in name or "/configs/" in name]
    folder = source / "constrained_rcnn"
    pages = {
        path.relative_to(source).as_posix() for kind in ("*.html", "*.css", "*.json") for path in folder.rglob(kind)
    }
    assert pages - names == set()
    assert lite.stat().st_size < 40_000_000


def test_an_index_would_take_them(archive, wheel, lite):
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, (archive, wheel, lite))]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
