"""The command line of scan, without Ray."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.commands import running


@pytest.mark.parametrize("package", ["ray", "pyarrow"])
@pytest.mark.parametrize("command", ["scan --input a.jpg --output out", "benchmark scan"])
def test_a_missing_extra_is_one_line(command, package, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    name, *arguments = command.split(" --", 1)
    assert running(name)([word for part in arguments for word in f"--{part}".split()]) == 2
    said = capsys.readouterr().err
    assert said == f"error: {package} is not installed, scan needs it: pip install 'constrained_rcnn[ray]'\n"
    assert list(tmp_path.iterdir()) == []


def test_one_kind_of_input(capsys):
    with pytest.raises(SystemExit):
        running("scan")(["--input", "a.jpg", "--list", "list.txt", "--output", "out"])
    assert "not allowed with argument" in capsys.readouterr().err
