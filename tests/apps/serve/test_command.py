"""``constrained-rcnn serve``: what it says where it cannot start."""

from __future__ import annotations

import socket
import sys

import pytest

from constrained_rcnn.apps.serve.server import listen
from constrained_rcnn.utils.errors import UserError
from tests.helpers.commands import running

serve = running("serve")


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "python_multipart"])
def test_a_missing_extra_is_one_line(monkeypatch, capsys, module):
    monkeypatch.setitem(sys.modules, module, None)
    assert serve([]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the page and the API need the library 'constrained_rcnn[web]'")
    assert line.endswith("-m pip install 'constrained_rcnn[web]'`")


@pytest.mark.parametrize("words", [["--port", "70000"], ["--port", "x"], ["--seconds", "0"], ["--max-waiting", "-1"]])
def test_numbers_that_are_none(words, capsys):
    with pytest.raises(SystemExit):
        serve(words)
    assert "give a whole number" in capsys.readouterr().err


def test_an_address_that_is_taken_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve(["--port", str(port)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"error: --port {port}: is in use already; give another, or 0 for any that is free"


def test_an_address_of_another_machine():
    with pytest.raises(UserError, match="--host 192.0.2.1, --port 0: cannot be listened on"):
        listen("192.0.2.1", 0)


def test_weights_that_are_not_there(capfd, tmp_path):
    assert serve(["--port", "0", "--opts", "MODEL.WEIGHTS", str(tmp_path / "none.pth")]) == 2
    assert capfd.readouterr().err.splitlines()[-1].startswith("error: ")
