"""Asking an index tells what comparing with all images does; what is missing or damaged is told in one line."""

from __future__ import annotations

import shutil
import sqlite3
import sys

import pytest

from constrained_rcnn.apps.cli import main
from constrained_rcnn.apps.compare.run import run as compare
from constrained_rcnn.apps.index.building import build
from constrained_rcnn.apps.index.querying import query
from constrained_rcnn.matching.index.manifest import FILE
from tests.helpers.archives import told


def ask(inputs, index, output, candidates=30):
    given = [str(one) for one in inputs]
    return query(given, str(index), str(output), candidates=candidates, resume=False, pages="first")


def run(*words) -> int:
    return main([str(word) for word in words])


def test_the_same_pairs_as_comparing_all(archive, index, tmp_path, capsys):
    assert compare([str(archive)], str(tmp_path / "all")) == 0
    assert ask([archive], index, tmp_path / "asked") == 0
    pairs = told(tmp_path / "asked")
    assert pairs == told(tmp_path / "all") and len(pairs) >= 8
    assert (tmp_path / "asked" / "pairs.html").is_file() and (tmp_path / "asked" / "pairs.csv").is_file()
    assert "note:" not in capsys.readouterr().out


def test_an_image_that_is_not_in_the_index(archive, index, tmp_path, capsys):
    """It is the first of each pair; of many candidates the likeliest are compared."""
    other = shutil.copy(archive / "small.jpg", tmp_path / "asked.jpg")
    assert ask([other], index, tmp_path / "out", candidates=2) == 0
    pairs = told(tmp_path / "out")
    assert len(pairs) == 2 and pairs[frozenset(("asked.jpg", "small.jpg"))] == "same file"
    assert "less likely candidates were not compared; --candidates" in capsys.readouterr().out


def test_files_that_are_gone_or_changed(archive, tmp_path, capsys):
    images = shutil.copytree(archive, tmp_path / "images")
    assert build([str(images)], str(tmp_path / "index"), pages="first") == 0
    (images / "original.png").unlink()
    shutil.copy(images / "cat.png", images / "altered.jpg")
    assert ask([images / "small.jpg"], tmp_path / "index", tmp_path / "out") == 1
    out = capsys.readouterr().out
    assert "altered.jpg: has changed since it was indexed; run `constrained-rcnn index add`" in out
    assert "original.png: no such file" in out.lower()
    assert set(told(tmp_path / "out")) == {frozenset(("small.jpg", "mirrored.jpg"))}


def test_a_damaged_segment_is_one_line_and_can_be_forgotten(archive, index, tmp_path, capsys):
    segment = next(index.glob("*.faiss"))
    whole = segment.read_bytes()
    asking = ("index", "query", "--index", index, "--input", archive / "cat.png", "--output", tmp_path / "out")
    for damage in (whole[:-1], b"", b"\xff" + whole[1:], None):
        segment.write_bytes(damage) if damage is not None else segment.unlink()
        assert run(*asking) == 2
        error = capsys.readouterr().err.splitlines()
        assert len(error) == 1 and segment.name in error[0] and "index check --forget" in error[0]
    segment.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # among the descriptors
    assert run("index", "check", "--index", index) == 1
    assert "1 segments damaged" in capsys.readouterr().out
    assert run("index", "check", "--index", index, "--forget") == 0
    assert "0 images of 0 files" in capsys.readouterr().out
    assert run("index", "add", "--index", index, "--input", archive) == 0
    assert "7 new images" in capsys.readouterr().out
    assert run(*asking) == 0 and run("index", "check", "--index", index) == 0


@pytest.mark.parametrize("damage", [b"no database" * 100, b""])
def test_a_damaged_manifest_is_one_line(archive, index, tmp_path, capsys, damage):
    (index / FILE).write_bytes(damage)
    asking = ("index", "query", "--index", index, "--input", archive / "cat.png", "--output", tmp_path / "out")
    assert run(*asking) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1 and FILE in error[0] and "build a new index" in error[0]


def test_another_format_is_refused(archive, index, tmp_path, capsys):
    connection = sqlite3.connect(index / FILE)
    connection.execute("UPDATE settings SET value = replace(value, '\"format\": 1', '\"format\": 0')")
    connection.commit()
    connection.close()
    assert run("index", "add", "--index", index, "--input", archive) == 2
    assert "was built with format 0, not 1" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("add",), ("build",), ("query", "--output", "out")])
def test_without_the_extra_one_line_says_so(archive, index, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert run("index", *words, "--index", index, "--input", archive) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1 and error[0].startswith("error: Indexes need the library faiss-cpu")


def test_the_output_is_not_the_index(archive, index, capsys):
    assert run("index", "query", "--index", index, "--input", archive, "--output", index) == 2
    assert "is the index; name another folder" in capsys.readouterr().err
