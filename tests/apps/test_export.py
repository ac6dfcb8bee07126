"""`constrained-rcnn export`: a checkpoint as before, or the network; options of the other form are refused."""

import pytest
import torch

from constrained_rcnn import model_zoo
from constrained_rcnn.inference import export, onnx_runner
from constrained_rcnn.modeling.checkpoint import read_checkpoint, write_checkpoint
from tests.helpers.commands import running

run = running("export")


@pytest.fixture
def calls(monkeypatch):
    """What the exporter is called with, instead of a minute's work."""
    made = []

    def stand_in(cfg, path, **options):
        made.append((cfg, options))
        open(path, "wb").close()
        return {"weights": {"file": "a.pth", "sha256": "0" * 64}}

    monkeypatch.setattr(export, "export_network", stand_in)
    return made


def test_a_checkpoint_is_written_as_in_the_first_release(tmp_path, capsys):
    write_checkpoint({"model": {"a": torch.ones(2)}, "optimizer": {}}, tmp_path / "a.pth")
    assert (
        run(["--input", str(tmp_path / "a.pth"), "--output", str(tmp_path / "b.pth"), "--half", "--licence", "CC0"])
        == 0
    )
    made = read_checkpoint(tmp_path / "b.pth")
    assert (
        made["model"]["a"].dtype == torch.float16 and made["metadata"] == {"licence": "CC0"} and "optimizer" not in made
    )
    assert "licence: CC0" in capsys.readouterr().out


def test_the_package_s_network_is_written_with_its_runner(calls, tmp_path, capsys):
    assert run(["--format", "onnx", "--output", str(tmp_path / "net.onnx")]) == 0
    ((cfg, options),) = calls
    assert cfg.MODEL.WEIGHTS == model_zoo.default_weights() and options == {"how": "onnx", "size": None}
    with open(onnx_runner.__file__, "rb") as file:
        assert (tmp_path / "net.py").read_bytes() == file.read()
    assert "images: of any size" in capsys.readouterr().out


def test_size_weights_and_config_are_handed_on(calls, tmp_path):
    output = str(tmp_path / "net.pt2")
    named = ["--input", "my.pth", "--config-file", model_zoo.config_file("constrained_rcnn_small")]
    assert (
        run(["--format", "torch", "--output", output, *named, "--size", "48x64", "--opts", "TEST.REPEATS", "False"])
        == 0
    )
    ((cfg, options),) = calls
    assert cfg.MODEL.WEIGHTS == "my.pth" and not cfg.TEST.REPEATS and options == {"how": "torch", "size": (48, 64)}
    assert not (tmp_path / "net.py").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--output", "a.pth"], "--input: name the checkpoint, or write a network: --format onnx"),
        (["--input", "a.pth", "--output", "b.pth", "--size", "48x64"], "--size: belongs to --format"),
        (["--format", "onnx", "--output", "a.onnx", "--half"], "--half: belongs to a checkpoint"),
        (["--format", "onnx", "--output", "a.py"], "a.py: is where the script goes"),
        (["--format", "torch", "--output", "a.pt2", "--no-runner"], "--no-runner: belongs to --format onnx"),
    ],
)
def test_what_does_not_go_together_is_one_line(arguments, said, capsys):
    assert run(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("size", ["48", "16x64", "0x0", "axb"])
def test_a_size_that_is_none_is_refused(size, capsys):
    with pytest.raises(SystemExit):
        run(["--format", "onnx", "--output", "a.onnx", "--size", size])
    assert "give HEIGHTxWIDTH, from 17 pixels a side" in capsys.readouterr().err
