"""An archive, and an index of it, built once."""

import shutil

import pytest

from constrained_rcnn.apps.index.building import build
from tests.helpers.archives import make_archive


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    return make_archive(tmp_path_factory.mktemp("archive") / "images")


@pytest.fixture(scope="session")
def built(archive, tmp_path_factory):
    index = tmp_path_factory.mktemp("built") / "index"
    assert build([str(archive)], str(index), pages="first") == 0
    return index


@pytest.fixture
def index(built, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(built, tmp_path / "index")
