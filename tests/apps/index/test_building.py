"""An index is built, added to and gone on with; killed at any write, it ends as one that was not."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import pytest

from constrained_rcnn.apps.index import building
from constrained_rcnn.apps.index.building import build
from constrained_rcnn.matching import image_pairs
from constrained_rcnn.matching.index import manifest, segments
from constrained_rcnn.matching.index.manifest import Manifest
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.output_folder import output_folder
from tests.helpers.archives import content


class Killed(BaseException):
    """A process that ends here: nothing catches it."""


@pytest.fixture
def small_parts(monkeypatch):
    """Every image is a part, and two of them are made one."""
    monkeypatch.setattr(segments, "PART_ROWS", 1)
    monkeypatch.setattr(segments, "PARTS_MERGED", 2)
    monkeypatch.setattr(segments, "to_merge", lambda records: [r for r in records if r.images == 1][:2] * (
        sum(r.images == 1 for r in records) > 1))  # fmt: skip


def kill_at(monkeypatch, step: int) -> list[str]:
    """Ends the process before or after one of its writes; returns the writes so far."""
    steps: list[str] = []

    def killing(owner, name):
        real = getattr(owner, name)

        def wrapped(*args, **kwargs):
            for moment in ("before", "after"):
                result = real(*args, **kwargs) if moment == "after" else None
                steps.append(f"{moment} {name}")
                if len(steps) == step:
                    raise Killed
            return result

        monkeypatch.setattr(owner, name, wrapped)

    for owner, name in (
        (segments, "save"), (Manifest, "commit"), (Manifest, "replace"), (os, "replace"), (Path, "unlink"),
    ):  # fmt: skip
        killing(owner, name)
    return steps


def test_killed_at_any_write_it_goes_on_and_ends_as_if_it_had_not_been(archive, tmp_path, monkeypatch, small_parts):
    known: dict[bytes, object] = {}

    def describe(pixels):
        key = pixels.tobytes()
        if key not in known:
            known[key] = image_pairs.describe(pixels)
        return known[key]

    monkeypatch.setattr(building, "describe", describe)
    given = [str(archive / name) for name in ("small.jpg", "donor.png", "donor_copy.png", "rocket.jpg")]
    assert build(given, str(tmp_path / "whole"), pages="first") == 0
    expected = content(tmp_path / "whole")
    assert len(expected["images"]) == 3 and len(expected["places"]) == 4 and len(expected["segments"]) == 2
    seen = set()
    for step in itertools.count(1):
        index = tmp_path / f"killed{step}"
        with monkeypatch.context() as patch:
            steps = kill_at(patch, step)
            try:
                build(given, str(index), pages="first")
            except Killed:
                seen.add(steps[step - 1])
            else:
                break  # fewer writes than that
        assert build(given, str(index), pages="first") == 0
        assert content(index) == expected, steps[step - 1]
        assert not list(index.glob(".tmp-*"))
        shutil.rmtree(index)
    moments = ("before", "after")
    assert seen >= {f"{moment} {name}" for moment in moments for name in ("save", "commit", "replace", "unlink")}


def test_ctrl_c_keeps_what_was_read(archive, tmp_path, monkeypatch, capsys):
    real, read = building.describe, []

    def interrupted(pixels):
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append(1)
        return real(pixels)

    monkeypatch.setattr(building, "describe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build([str(archive)], str(tmp_path / "index"), pages="first")
    assert "3 new images, 1 files whose content is known, 0 unchanged" in capsys.readouterr().out
    monkeypatch.undo()
    assert build([str(archive)], str(tmp_path / "index"), pages="first") == 0
    assert "4 new images, 0 files whose content is known, 4 unchanged" in capsys.readouterr().out


def test_moved_copied_and_changed_files(archive, index, tmp_path, capsys):
    before = content(index)
    more = tmp_path / "more"
    more.mkdir()
    shutil.copy(archive / "cat.png", more / "moved.png")
    shutil.copy(archive / "cat.png", more / "changed.png")
    assert build([str(more)], str(index)) == 0
    assert "0 new images, 2 files whose content is known, 0 unchanged" in capsys.readouterr().out
    after = content(index)
    assert after["files"] == before["files"] and len(after["places"]) == len(before["places"]) + 2
    shutil.copy(archive / "rocket.jpg", more / "changed.png")
    assert build([str(more)], str(index)) == 0
    assert "0 new images, 1 files whose content is known, 1 unchanged" in capsys.readouterr().out


def test_adding_leaves_what_is_there_and_lists_bad_files(archive, index, tmp_path, capsys):
    before = content(index)["files"]
    more = tmp_path / "more"
    more.mkdir()
    shutil.copy(archive / "cat.png", more / "cat.png")
    (more / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (more / "notes.txt").write_text("none")
    assert build([str(more)], str(index)) == 1
    out = capsys.readouterr().out
    assert "skipped: " in out and "broken.jpg" in out and "left out: 1 file, not an image: notes.txt" in out
    assert before.items() <= content(index)["files"].items()
    with Manifest(index) as opened:
        assert [place.path.name for place in opened.skipped()] == ["broken.jpg"]


def test_one_writer(archive, index):
    with output_folder(index), pytest.raises(UserError, match="another run is writing there"):
        build([str(archive)], str(index))


def test_no_index_and_no_image(archive, tmp_path):
    with pytest.raises(UserError, match="holds no index; make one by `constrained-rcnn index build`"):
        build([str(archive)], str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match="no image found there"):
        build([str(tmp_path)], str(tmp_path / "none"), pages="first")


def test_other_parameters_are_refused(archive, index, monkeypatch):
    with pytest.raises(UserError, match="was built with pages first, not all"):
        build([str(archive)], str(index), pages="all")
    monkeypatch.setattr(manifest, "KEYPOINTS", 7)
    with pytest.raises(UserError, match="was built with keypoints 2000, not 7; build a new index"):
        build([str(archive)], str(index))


def test_memory_is_bounded_by_a_part(archive, tmp_path, monkeypatch):
    """No more descriptors are ever held than a part and one image, or the parts that are made one, have."""
    monkeypatch.setattr(segments, "PART_ROWS", 1000)
    monkeypatch.setattr(segments, "PARTS_MERGED", 3)
    rows, real = [], segments.save
    monkeypatch.setattr(segments, "save", lambda index, *rest: rows.append(index.ntotal) or real(index, *rest))
    assert build([str(archive)], str(tmp_path / "index"), pages="first") == 0
    parts, merged = [number for number in rows if number < 3000], [number for number in rows if number >= 3000]
    assert max(parts) < 1000 + image_pairs.KEYPOINTS and merged and max(merged) < 3 * 2 * 1000 + image_pairs.KEYPOINTS


def test_an_index_that_cannot_be_written(archive, index, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = content(index)
    shutil.copy(archive / "cat.png", tmp_path / "cat.png")
    with open(tmp_path / "cat.png", "ab") as file:
        file.write(b"\0")  # other bytes
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="segment-000002.faiss: cannot be written: no space left"):
            build([str(tmp_path / "cat.png")], str(index))
    assert content(index) == before
