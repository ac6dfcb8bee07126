"""What is not whole is no sealed case, and no case is written over."""

from __future__ import annotations

import errno
import os

import pytest
from PIL import Image

from constrained_rcnn.apps import cli
from constrained_rcnn.apps.case import manifest, originals
from constrained_rcnn.apps.case import seal as seal_module
from constrained_rcnn.apps.case.command import noted_digest
from constrained_rcnn.apps.case.layout import MANIFEST
from constrained_rcnn.apps.case.manifest import read_manifest
from constrained_rcnn.apps.case.originals import copy_name
from constrained_rcnn.apps.case.seal import seal
from constrained_rcnn.apps.case.verify import verify
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.files import output_error


@pytest.fixture
def case(tmp_path, monkeypatch):
    """Seals a small case without a network; its folder."""

    def detect(config, inputs, output, options, **more):
        os.makedirs(output)
        with open(os.path.join(output, "results.csv"), "w") as file:
            file.write("file,status,score,reason\n")
        return 0

    monkeypatch.setattr(seal_module, "detect", detect)
    Image.new("RGB", (40, 32)).save(tmp_path / "a.png")
    return tmp_path / "case"


def make(folder):
    return seal(str(folder), None, [str(folder.parent / "a.png")], [])


def assert_not_sealed(folder, capsys):
    assert "NOT sealed" in capsys.readouterr().err and not (folder / MANIFEST).exists()
    with pytest.raises(UserError, match="never sealed"):
        verify(str(folder))
    with pytest.raises(UserError, match="holds a case that was never sealed"):
        make(folder)


def test_a_sealed_case_is_never_written_over(case, capsys):
    assert make(case) == 0
    before = {path: path.stat().st_mtime_ns for path in case.rglob("*")}
    with pytest.raises(UserError, match="holds a sealed case already"):
        make(case)
    assert {path: path.stat().st_mtime_ns for path in case.rglob("*")} == before
    assert verify(str(case), rerun=False) == 0


def test_a_folder_of_something_else_is_left_alone(case):
    case.mkdir()
    (case / "letter.txt").write_text("x")
    with pytest.raises(UserError, match="new or an empty folder"):
        make(case)
    assert [path.name for path in case.iterdir()] == ["letter.txt"]
    with pytest.raises(UserError, match="holds no case"):
        verify(str(case))
    with pytest.raises(UserError, match="no such folder"):
        verify(str(case / "none"))


def test_an_interrupted_case_is_not_sealed(case, monkeypatch, capsys):
    def interrupted(*some, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(seal_module, "detect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(case)
    assert_not_sealed(case, capsys)


@pytest.mark.parametrize("module", [originals, manifest])
def test_a_full_disk_leaves_it_unsealed(module, case, monkeypatch, capsys):
    def full(path, data):
        raise output_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    monkeypatch.setattr(module, "write_bytes_atomic", full)
    with pytest.raises(OutputError, match="no space left"):
        make(case)
    assert_not_sealed(case, capsys)


def test_a_copy_that_the_disk_changed_is_not_sealed(case, monkeypatch, capsys):
    plain = originals.write_bytes_atomic
    monkeypatch.setattr(originals, "write_bytes_atomic", lambda path, data: plain(path, data[:-1]))
    with pytest.raises(UserError, match="is not what was written there"):
        make(case)
    assert_not_sealed(case, capsys)


@pytest.mark.parametrize("line", ["x", f"{'0' * 64}  ../a", f"{'0' * 64}  /a", f"{'0' * 64}  a//b", "\ud800"])
def test_a_damaged_seal_is_one_line(line, tmp_path):
    (tmp_path / MANIFEST).write_bytes(f"{line}\n".encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError, match="is damaged"):
        read_manifest(tmp_path)


def test_names_of_copies_are_safe_and_differ(tmp_path):
    names = [copy_name(tmp_path / name, number) for number, name in enumerate(["..", "A.jpg", "a.jpg", "x.j$p\ng"], 1)]
    assert names == ["file_0001", "A_0002.jpg", "a_0003.jpg", "x_0004.jpg"]


def test_command_line(case, monkeypatch, capsys):
    image = str(case.parent / "a.png")
    assert cli.main(["detect", "--input", image, "--case", str(case)]) == 0
    digest = capsys.readouterr().out.splitlines()[-1]
    assert cli.main(["verify", str(case), "--digest", digest.upper(), "--no-rerun"]) == 0
    (case / "case.json").write_text("{}")
    assert cli.main(["verify", str(case), "--no-rerun"]) == 1
    assert cli.main(["verify", str(case.parent / "none")]) == 2
    assert cli.main(["detect", "--input", image, "--case", str(case), "--resume"]) == 2
    with pytest.raises(UserError, match="64 digits"):
        noted_digest("abc")
    with pytest.raises(SystemExit):
        cli.main(["detect", "--input", image, "--case", str(case), "--output", "out"])
