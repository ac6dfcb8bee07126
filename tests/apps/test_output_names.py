"""What results are called, and which files a list of names leads to."""

import errno
import io
import os
import sys

import pytest

from constrained_rcnn.apps.inputs import digested_name, find_inputs, output_names, printable
from tests.helpers.detect_files import save


def test_names_do_not_depend_on_the_order(tmp_path):
    a, b, c = tmp_path / "x" / "p.png", tmp_path / "y" / "P.jpg", tmp_path / "q.png"
    names = output_names([a, b, c])
    assert names == output_names([c, b, a])
    assert names[c] == "q" and len({n.lower() for n in names.values()}) == 3


def test_no_name_takes_the_place_of_another(tmp_path):
    a, b = tmp_path / "x" / "p.png", tmp_path / "y" / "p.png"
    taken = output_names([a, b])
    files = [a, b, tmp_path / f"{taken[a]}.png", tmp_path / "z" / f"{taken[b].upper()}.png", tmp_path / "....png"]
    names = output_names(files)
    assert len({name.casefold() for name in names.values()}) == len(files)
    assert names[a] == taken[a] and names[b] == taken[b]
    odd = [tmp_path / name for name in ("-rf.png", "+1.png", ".hidden.png", "Straße.png", "STRASSE.png")]
    assert all(name[0].isalnum() for name in output_names(odd).values())
    assert len({name.casefold() for name in output_names(odd).values()}) == 5


@pytest.mark.parametrize("stem", ["日" * 83, "é" * 125, "x" * 251])
def test_the_longest_names_leave_room_for_the_suffixes(tmp_path, stem):
    file = tmp_path / f"{stem}.png"
    for name in (output_names([file])[file], digested_name(file, 64)):
        (tmp_path / f"{name}_overlay.jpg").touch()


def test_lists_from_standard_input(tmp_path, monkeypatch):
    first, second = save(tmp_path / "a.png"), save(tmp_path / "b b.png")
    for text in (f"{first}\n{second}\nnonesuch.png\n", f"{first}\0{second}\0nonesuch.png"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        found = find_inputs(["-"])
        assert [str(file) for file in found.files] == [first, second]
        assert found.lost == [("nonesuch.png", "no such file")]
    assert find_inputs(["x" * 5000]).lost == [("x" * 5000, os.strerror(errno.ENAMETOOLONG))]
    assert find_inputs(["a\0b"]).files == []


def test_any_spelling_of_a_name_finds_the_file_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("~nobody.png", "a[1].png", "plain.png"):
        save(tmp_path / name)
    found = find_inputs(["~nobody.png", "a[1].png", "plain.png", str(tmp_path / "plain.png"), "*ain.png"])
    assert [file.name for file in found.files] == ["~nobody.png", "a[1].png", "plain.png"] and not found.lost
    assert find_inputs(["~nobody-else.png"]).lost


@pytest.mark.parametrize("name", ["plain.png", "käse 1.png", "日本.png"])
def test_ordinary_names_stay_themselves(name):
    assert printable(name) == name
