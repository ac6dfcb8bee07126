"""Whole sessions in processes of their own, with a small random network: results as by detect, and nothing left."""

from __future__ import annotations

import json
import os
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


def comparable(record: dict) -> dict:
    """A result without what differs from run to run."""
    return {key: value for key, value in record.items() if key not in ("file", "name", "time")}


def test_results_are_those_of_detect_and_nothing_is_left(options, tmp_path):
    pixels = photo(300, 400, 5)
    (tmp_path / "in").mkdir()
    first, second = tmp_path / "in" / "first.png", tmp_path / "second.png"
    cv2.imwrite(str(first), pixels)
    pixels[100:160, 100:200] = cv2.GaussianBlur(pixels[200:260, 200:300], (0, 0), 3)
    cv2.imwrite(str(second), pixels)

    session = Session(tmp_path, options)
    record = session.ask("v1/detect?name=first.png", first.read_bytes())
    check(record, "detect/schema/result-1.json")
    (image,) = session.ask("v1/images")["images"]
    assert record["file"] == image["name"] == "first.png"
    assert {"image_evidence.html", "image_map.png", "image_view.jpg", "image_heat.png", "image.json"} <= set(
        image["files"]
    )
    (folder,) = session.temporary.glob("constrained-rcnn-serve-*/2*")
    assert folder.parent.stat().st_mode & 0o077 == 0  # nobody else looks in
    detect(CONFIG, [str(first.parent)], str(tmp_path / "out"), options)
    assert comparable(record) == comparable(json.loads((tmp_path / "out" / "first.json").read_text()))
    assert (folder / "image_map.png").read_bytes() == (tmp_path / "out" / "first_map.png").read_bytes()

    pair = session.ask(f"v1/images/{image['id']}/comparison?name=second.png", second.read_bytes())
    found = until(lambda: session.ask(f"v1/images/{pair['id']}"), lambda one: one["state"] in ("done", "failed"))
    assert found["status"].startswith("same image") and "pairs.html" in found["files"], found
    laid = (folder.parent / pair["id"] / name for name in ("before.jpg", "after.jpg"))
    before, after = (cv2.imread(str(path)).astype(int) for path in laid)
    difference = abs(before - after).mean(axis=2)
    assert difference[:90].mean() < 3 < difference[110:150, 110:190].mean()
    page = urllib.request.urlopen(f"{session.url}results/{found['id']}").read().decode()
    assert "first.png" in page and f"/v1/images/{found['id']}/files/pairs/" in page and str(tmp_path) not in page

    session.process.terminate()
    session.process.communicate()
    assert session.process.returncode == 0
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
