"""Networks are exported, tried, and written only where they agree. The shipped one: test_shipped_network."""

import json
import sys

import numpy as np
import pytest
import torch

from constrained_rcnn.inference import export
from constrained_rcnn.inference.onnx_predictor import OnnxPredictor
from constrained_rcnn.inference.predictor import ManipulationPredictor
from constrained_rcnn.modeling.checkpoint import write_checkpoint
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import DENSE, tiny_cfg, tiny_model

SIZE = (48, 64)


@pytest.fixture(scope="module")
def cfg(tmp_path_factory):
    """A tiny network with its checkpoint."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pth"
    options = [
        *DENSE,
        "MODEL.DENSE_MAP.ERROR_LEVELS",
        "[90]",
        "MODEL.DENSE_MAP.CHANNELS",
        "64",
        "TEST.REPEATS",
        "False",
    ]
    model = tiny_model(*options)
    write_checkpoint({"model": model.state_dict(), "metadata": {"decision_threshold": 0.25}}, path)
    return tiny_cfg(*options, "MODEL.WEIGHTS", str(path))


@pytest.fixture(scope="module")
def program(cfg):
    """The traced network, made once: tracing takes many seconds."""
    network = export.ExportableNetwork(ManipulationPredictor(cfg).model).eval()
    return export._program(network, SIZE, export._inputs(network, SIZE))


@pytest.fixture
def traced(program, monkeypatch):
    monkeypatch.setattr(export, "_program", lambda *args: program)


def test_an_onnx_file_gives_what_the_predictor_gives(cfg, traced, tmp_path):
    about = export.export_network(cfg, tmp_path / "tiny.onnx", size=SIZE)
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    exported, predictor = OnnxPredictor(tmp_path / "tiny.onnx"), ManipulationPredictor(cfg)
    assert exported.about == about and exported.threshold == 0.25 and about["size"] == list(SIZE)
    got, wanted = exported(image), predictor(image)
    assert np.abs(got.manipulation_map - wanted.manipulation_map).max() < 1e-3
    assert got.score == pytest.approx(wanted.score, abs=1e-3)
    assert [d.technique for d in got.detections] == [d.technique for d in wanted.detections]
    with pytest.raises(UserError, match="takes 64x48 alone"):
        exported(image[:, :-1])


def test_a_program_of_torch_export_runs_alone(cfg, traced, tmp_path):
    export.export_network(cfg, tmp_path / "tiny.pt2", how="torch", size=SIZE)
    kept = {"constrained_rcnn.json": ""}
    module = torch.export.load(tmp_path / "tiny.pt2", extra_files=kept).module(check_guards=False)
    assert json.loads(kept["constrained_rcnn.json"])["outputs"][0] == "boxes"
    found = module(torch.zeros(*SIZE, 3, dtype=torch.uint8), torch.zeros(1, *SIZE, dtype=torch.uint8))
    assert found[0].shape[1] == 4


def test_a_file_that_disagrees_is_not_written(cfg, traced, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_onnx", lambda *args: b"")
    monkeypatch.setattr(export, "_run_onnx", lambda data, inputs: [np.full(1, np.nan)] * 8)
    with pytest.raises(UserError, match="gives other results than PyTorch .*; nothing was written"):
        export.export_network(cfg, tmp_path / "tiny.onnx", size=SIZE)
    assert not list(tmp_path.iterdir())


def test_an_exporter_that_fails_is_one_line(cfg, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("step 2 of 3") from RuntimeError("\n\n\x1b[96mno such operator\x1b[0m\nand pages of advice")

    monkeypatch.setattr(torch.export, "export", fail)
    with pytest.raises(UserError, match="cannot be exported: RuntimeError: no such operator$"):
        export.export_network(cfg, tmp_path / "tiny.onnx", size=SIZE)


@pytest.mark.parametrize("library", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_library_is_said(cfg, tmp_path, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"ONNX files need the library {library} .*pip install"):
        export.export_network(cfg, tmp_path / "tiny.onnx")
