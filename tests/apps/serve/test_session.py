"""Whole sessions in processes of their own, with a small random network: results as by detect, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import cv2
import pytest

from constrained_rcnn.apps.detect.run import run as detect
from constrained_rcnn.apps.serve.folder import session_folder
from constrained_rcnn.utils.errors import UserError
from tests.apps.detect.test_run import CONFIG
from tests.helpers.commands import clean_environment
from tests.helpers.detect_files import save
from tests.helpers.schemas import check
from tests.helpers.served import until
from tests.inference.test_untouched import photo


class Session:
    """``constrained-rcnn serve`` in another process, with a temporary folder of its own."""

    def __init__(self, folder: Path, options: list[str], *more: str):
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "constrained_rcnn", "serve", "--port", "0", *more, "--config-file", CONFIG]
        self.process = subprocess.Popen(
            [*command, "--opts", *options], stdout=subprocess.PIPE, text=True, cwd=folder,
            env=clean_environment(TMPDIR=str(self.temporary)),
        )  # fmt: skip
        self.url = self.process.stdout.readline().strip()

    def ask(self, path: str, data: bytes | None = None):
        with urllib.request.urlopen(f"{self.url}{path}", data) as answer:
            return json.load(answer)

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        self.process.communicate()
        return self.process.returncode


def comparable(record: dict) -> dict:
    """A result without what differs from run to run."""
    return {key: value for key, value in record.items() if key not in ("file", "name", "time", "evidence")}


def test_results_are_those_of_detect_and_nothing_is_left(options, tmp_path):
    save(tmp_path / "in" / "a.png")
    data = (tmp_path / "in" / "a.png").read_bytes()
    session = Session(tmp_path, options)
    record = session.ask("v1/detect?name=a.png", data)
    check(record, "detect/schema/result-1.json")
    (image,) = session.ask("v1/images")["images"]
    assert record["file"] == image["name"] == "a.png"
    assert {"image_map.png", "image_view.jpg", "image_heat.png", "image.json"} <= set(image["files"])
    (folder,) = session.temporary.glob("constrained-rcnn-serve-*/2*")
    assert folder.parent.stat().st_mode & 0o077 == 0  # nobody else looks in
    detect(CONFIG, [str(tmp_path / "in")], str(tmp_path / "out"), options)
    assert comparable(record) == comparable(json.loads((tmp_path / "out" / "a.json").read_text()))
    (served, kept) = (folder / "image_map.png", tmp_path / "out" / "a_map.png")
    assert served.read_bytes() == kept.read_bytes()
    assert session.end() == 0
    assert list(session.temporary.glob("*serve*")) == []


def test_a_second_version_is_compared(options, tmp_path):
    pixels = photo(400, 500, 5)
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    cv2.imwrite(str(first), pixels)
    pixels[100:180, 200:300] = cv2.GaussianBlur(pixels[200:280, 100:200], (0, 0), 3)
    cv2.imwrite(str(second), pixels)
    session = Session(tmp_path, options, "--keep", "kept")
    image = session.ask("v1/images?name=first.png", first.read_bytes())
    pair = session.ask(f"v1/images/{image['id']}/comparison?name=second.png", second.read_bytes())
    found = until(lambda: session.ask(f"v1/images/{pair['id']}"), lambda one: one["state"] in ("done", "failed"))
    assert found["status"].startswith("same image") and "pairs.html" in found["files"], found
    folder = tmp_path / "kept" / found["id"]
    before, after = (cv2.imread(str(folder / name)).astype(int) for name in ("before.jpg", "after.jpg"))
    assert before.shape == after.shape and abs(before - after)[:90].mean() < 3 < abs(before - after)[110:170, 210:290].mean()
    page = urllib.request.urlopen(f"{session.url}results/{found['id']}").read().decode()
    assert "first.png" in page and f"/v1/images/{found['id']}/files/pairs/" in page and str(tmp_path) not in page
    assert session.end(signal.SIGINT) == 0
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {image["id"], pair["id"]}
    assert list(session.temporary.glob("*serve*")) == []


def test_what_a_killed_session_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / "constrained-rcnn-serve-left"
    (left / "sub").mkdir(parents=True)
    (left / ".lock").touch()
    with session_folder(None) as first:
        assert not left.exists() and first.parent == tmp_path
        with session_folder(None) as second:  # that of a running one stays
            assert first.is_dir() and second != first
    assert os.listdir(tmp_path) == []


def test_two_sessions_do_not_keep_in_one_folder(tmp_path):
    with session_folder(str(tmp_path / "kept")), pytest.raises(UserError, match="--keep.*another run is writing"):
        with session_folder(str(tmp_path / "kept")):
            pass
