"""The released network with known weights, written as a real checkpoint and converted, once for all tests."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from constrained_rcnn.released.convert import convert
from tests.helpers.released_files import released_model, write_released

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def variables_50() -> dict[str, tuple[list[int], str]]:
    """Shape and digest of every variable of the original 50-layer network, noted when it ran."""
    return json.loads((HERE / "variables_full_50.json").read_text())


@pytest.fixture(scope="session")
def prefix_50(tmp_path_factory) -> Path:
    prefix = tmp_path_factory.mktemp("released") / "model_50.ckpt"
    write_released(prefix, 50)
    return prefix


@pytest.fixture(scope="session")
def weights_50(prefix_50) -> Path:
    target = prefix_50.with_name("model_50.pth")
    convert(prefix_50, target)
    return target


@pytest.fixture(scope="session")
def model_50(weights_50):
    return released_model(50, weights_50)


@pytest.fixture(scope="session")
def parity() -> Path:
    """The folder with the golden outputs on a CASIA image, which this repository may not hold."""
    folder = os.environ.get("CONSTRAINED_RCNN_PARITY")
    if not folder:
        pytest.skip("CONSTRAINED_RCNN_PARITY is not set")
    return Path(folder)
