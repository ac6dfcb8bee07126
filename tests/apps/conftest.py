"""A tiny model's options for tests of commands."""

import pytest

from constrained_rcnn.modeling.checkpoint import ManipulationCheckpointer
from tests.helpers.tiny import TINY, tiny_model


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    metadata = {"classes": ["splice", "copy-move", "removal"], "decision_threshold": 0.25}
    ManipulationCheckpointer(tiny_model(), str(folder), metadata=metadata).save("model")
    return [*TINY, "MODEL.WEIGHTS", str(folder / "model.pth")]
