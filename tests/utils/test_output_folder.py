"""Writing outputs: whole or not at all, one run at a time, and one line where it cannot be done."""

from __future__ import annotations

import errno
import os

import pytest

from constrained_rcnn.utils import files, locks
from constrained_rcnn.utils.errors import OutputError, UserError, command_line
from constrained_rcnn.utils.files import atomic_file, write_bytes_atomic
from constrained_rcnn.utils.journal import Journal
from constrained_rcnn.utils.output_folder import claim_settings, output_folder, publish, staged
from tests.helpers.processes import Elsewhere, claimed_elsewhere

needs_locks = pytest.mark.skipif(not locks.AVAILABLE, reason="no locks on Windows")


def listed(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


WRITE = """from constrained_rcnn.utils.files import atomic_file
opened = atomic_file({!r})
opened.__enter__().write(b'x')"""


@needs_locks
def test_one_run_at_a_time_and_a_killed_one_is_no_hindrance(tmp_path):
    other = claimed_elsewhere(tmp_path / "out")
    with pytest.raises(UserError, match=f"OUTPUT_DIR .*another run is writing there .process {other.process.pid} on "):
        with output_folder(tmp_path / "out", "OUTPUT_DIR"):
            pass
    other.kill()
    with output_folder(tmp_path / "out") as folder:
        with pytest.raises(UserError, match="another run"), output_folder(folder):
            pass
    assert listed(tmp_path) == []


@needs_locks
def test_leftovers_go_when_their_process_is_gone(tmp_path):
    other = Elsewhere(WRITE.format(str(tmp_path / "a.json")))
    (left,) = listed(tmp_path)
    (tmp_path / f".tmp-{os.getpid()}-01234567").touch()  # the number of a process that lives, but not the writer's
    (tmp_path / ".tmp-mine").touch()
    locks.remove_leftovers(tmp_path, again=True)
    assert listed(tmp_path) == sorted([".tmp-mine", left])
    other.kill()
    locks._seen.clear()
    write_bytes_atomic(tmp_path / "b.json", b"{}")
    assert listed(tmp_path) == [".tmp-mine", "b.json"]


def test_a_claim_removes_what_killed_runs_left(tmp_path):
    for name in (".unfinished/a.png", ".tmp-7-01234567", "part/.tmp-7-01234567", "result.json"):
        write_bytes_atomic(tmp_path / name, b"")
    with output_folder(tmp_path, parts=["part"]):
        assert listed(tmp_path) == (["result.json"] if not locks.AVAILABLE else [".lock", "result.json"])


def test_results_of_other_settings_are_not_mixed(tmp_path):
    claim_settings(tmp_path, {"seed": 1, "sizes": (2, 3)})
    claim_settings(tmp_path, {"sizes": [2, 3], "seed": 1})
    for other, words in (({"seed": 2, "sizes": [2, 3]}, "seed 1, not 2"), ({"seed": 1}, "sizes .2, 3., not None")):
        with pytest.raises(UserError, match=f"holds results with {words}; give another --out"):
            claim_settings(tmp_path, other, "--out")
    for damaged in ('{"seed": ', "[1, 2]", "7"):
        (tmp_path / "settings.json").write_text(damaged)
        with pytest.raises(UserError, match="settings.json: is damaged"):
            claim_settings(tmp_path, {"seed": 1})


@pytest.mark.parametrize("obstacle", ["disk", "folder", "special"])
def test_what_cannot_be_written_is_one_line_and_the_old_file_stays(tmp_path, monkeypatch, obstacle):
    path = tmp_path / "result.json"
    if obstacle == "folder":
        (path / "below").mkdir(parents=True)
    elif obstacle == "special":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    else:
        write_bytes_atomic(path, b"old")
        monkeypatch.setattr(files.os, "replace", full_disk)
    with pytest.raises(OutputError, match=f"{path}: cannot be written: [a-z ]+; "):
        write_bytes_atomic(path, b"new")
    assert obstacle != "disk" or path.read_bytes() == b"old"
    assert not list(tmp_path.rglob(".tmp-*"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_library_that_hides_the_disks_error(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(locks, "temporary_file", lambda folder: (open("/dev/full", "wb"), tmp_path / "none"))
    with pytest.raises(OutputError, match="model.pth: cannot be written: no space left on device; make room"):
        with atomic_file(tmp_path / "model.pth") as file:
            torch.save({"model": torch.zeros(100_000)}, file)
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "a") as file:
        raise ZeroDivisionError
    assert listed(tmp_path) == []


def test_files_that_belong_together_come_together(tmp_path):
    write_bytes_atomic(tmp_path / "a/b.png", b"old")
    for error in (UserError("bad"), KeyboardInterrupt()):
        with pytest.raises(type(error)), staged(tmp_path) as stage:
            write_bytes_atomic(stage / "a/b.png", b"new")
            raise error
    assert (tmp_path / "a/b.png").read_bytes() == b"old" and listed(tmp_path) == ["a/b.png"]
    (tmp_path / "c.json").mkdir()
    with pytest.raises(OutputError, match="c.json: cannot be written: is a directory"), staged(tmp_path) as stage:
        write_bytes_atomic(stage / "a/b.png", b"new")
        write_bytes_atomic(stage / "c.json", b"new")
    assert (tmp_path / "a/b.png").read_bytes() == b"old"
    (tmp_path / "c.json").rmdir()
    with staged(tmp_path) as stage:
        write_bytes_atomic(stage / "a/b.png", b"new")
        write_bytes_atomic(stage / "c.json", b"new")
    assert (tmp_path / "a/b.png").read_bytes() == b"new" and listed(tmp_path) == ["a/b.png", "c.json"]


def test_another_disk_in_between(tmp_path, monkeypatch):
    write_bytes_atomic(tmp_path / "stage/a.json", b"new")
    real = os.replace

    def other_disk(source, target):
        if "stage" in str(source):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", other_disk)
    publish(tmp_path / "stage", tmp_path)
    assert listed(tmp_path) == ["a.json"]


@pytest.mark.parametrize("name", ["file", "file/below", "out/part"])
def test_an_output_that_is_no_folder(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    if name == "out/part":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "part").write_text("mine")
    with pytest.raises(OutputError, match="--output .*; name another folder"):
        with output_folder(tmp_path / ("out" if "part" in name else name), parts=["part"]):
            pass
    assert all(text == "mine" for path in tmp_path.rglob("*") if path.is_file() for text in [path.read_text()])


def test_errors_of_the_disk_inside_of_a_claim(tmp_path):
    """Of libraries that write on their own."""
    with pytest.raises(OutputError, match="out: cannot be written: no space"), output_folder(tmp_path / "out"):
        full_disk()
    with pytest.raises(OutputError, match="out/x: cannot be written: permission"), output_folder(tmp_path / "out"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "out" / "x"))
    with pytest.raises(PermissionError), output_folder(tmp_path / "out"):  # an input
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "x"))


def test_a_journal_survives_cut_and_damaged_lines(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, "same") as journal:
        journal.add("a", 1)
        journal.add("b", None)
    path.write_bytes(path.read_bytes() + b'\xff{"key"\n[]\n[{}, 1]\n["cut", {"ima')
    with Journal(path, "same") as journal:
        assert journal.found == 2 and journal.get("a") == 1 and "b" in journal and "cut" not in journal
        journal.add("after", 3)
    with Journal(path, "same") as journal:
        assert journal.found == 3 and journal.get("after") == 3
        journal.forget()
        assert "a" not in journal
    with Journal(path, "same") as journal:
        assert journal.found == 0
    with Journal(path, "other") as journal:
        assert journal.found == 0


def test_half_a_journal_line_is_taken_back(tmp_path):
    with Journal(tmp_path / "journal", "same") as journal:
        journal.add("a", 1)
        content = journal.path.read_bytes()
        real = journal._file

        class Full:
            def write(self, data):
                if len(data) < 5:
                    full_disk()
                return real.write(data[:5])

            def __getattr__(self, name):
                return getattr(real, name)

        journal._file = Full()
        with pytest.raises(OutputError, match="journal: cannot be written: no space left"):
            journal.add("bb", 2)
        assert journal.path.read_bytes() == content
        journal._file = real
        journal.add("c", 3)
    with Journal(tmp_path / "journal", "same") as journal:
        assert journal.found == 2


def test_a_command_says_what_the_system_says(capsys):
    @command_line
    def fails():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "secret.jpg")

    assert fails() == 2
    assert capsys.readouterr().err == "error: secret.jpg: permission denied; check the path\n"
    assert command_line(full_disk)() == 2
    assert capsys.readouterr().err.count("\n") == 1
