"""The preparation's promises: resumed, repeated, bounded, one at a time."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
import weakref

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.preparation import records
from constrained_rcnn.preparation.prepare import Plan, prepare
from constrained_rcnn.preparation.sources import Sample, Scan, Truth
from constrained_rcnn.utils import locks
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.journal import Journal
from tests.helpers.commands import clean_environment, run
from tests.helpers.images import image_file, mask

SCRIPT = "datasets/prepare_folder.py"


#: The command, in a process that kills itself when the journal has so many records.
KILLED = """
import os, signal, sys
from constrained_rcnn.apps import cli
from constrained_rcnn.utils import journal

def add(self, *record, real=journal.Journal.add, done=[]):
    if len(done) == {kept}:
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(record)
    real(self, *record)

journal.Journal.add = add
cli.call("prepare folder", sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("count", [0, 5, 11])
def test_killed_at_any_moment_it_goes_on(tmp_path, count):
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (25, 30, 3), dtype=np.uint8)).save(tmp_path / f"images/{number:03}.png")
        mask(tmp_path / f"masks/{number:03}.png", (30, 25))
    arguments = [
        "--images",
        "images",
        "--masks",
        "masks",
        "--name",
        "x",
        "--workers",
        "1",
        "--test-fraction",
        "0.3",
    ]
    assert run(SCRIPT, *arguments, "--root", "whole", cwd=tmp_path).returncode == 0

    journal = tmp_path / "killed/annotations/.x.journal"
    process = subprocess.run(
        [sys.executable, "-c", KILLED.format(kept=count), *arguments, "--root", "killed"],
        cwd=tmp_path,
        env=clean_environment(),
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert journal.read_bytes().count(b"\n") == 1 + count
    assert not list((tmp_path / "killed/annotations").glob("*.json"))
    with open(journal, "a") as file:
        file.write('["011.png", {"ima')  # a line that was cut off

    completed = run(SCRIPT, *arguments, "--root", "killed", cwd=tmp_path)
    assert not count or f"{count} of them were done by an earlier run" in completed.stdout
    for path in sorted((tmp_path / "whole").rglob("*")):
        other = tmp_path / "killed" / path.relative_to(tmp_path / "whole")
        if path.is_file() and "report" not in path.name:
            assert other.read_bytes() == path.read_bytes(), path
    assert not journal.exists()


@pytest.fixture
def small(tmp_path) -> tuple[Plan, Scan]:
    truth = np.zeros((20, 30), bool)
    truth[5:12, 5:15] = True
    paths = [image_file(tmp_path / f"{name}.png") for name in "abc"]
    samples = [Sample(path, lambda probe: Truth({"splice": truth})) for path in paths]
    return Plan("x", tmp_path, tmp_path, paths, workers=1), Scan(samples)


def test_an_interrupted_run_does_only_what_is_left(small, monkeypatch):
    plan, scan = small
    first_names = []

    def counted(output, name, mask_name, sample, real=records.make_record):
        if len(first_names) == 2:
            raise KeyboardInterrupt
        first_names.append(name)
        return real(output, name, mask_name, sample)

    monkeypatch.setattr(records, "make_record", counted)
    with pytest.raises(KeyboardInterrupt):
        prepare(plan, lambda: scan)
    monkeypatch.undo()
    second_names = []
    monkeypatch.setattr(
        records, "make_record", lambda *a, real=records.make_record: second_names.append(a[1]) or real(*a)
    )
    assert prepare(plan, lambda: scan)["counts"]["images"] == 3
    assert sorted(first_names + second_names) == ["a.png", "b.png", "c.png"]


def test_changed_input_is_prepared_anew_and_old_outputs_go(small):
    plan, scan = small
    prepare(plan, lambda: scan)
    assert prepare(plan, lambda: pytest.fail("scanned"))["unchanged"]
    (plan.output / "masks/x/b.png").unlink()
    assert not prepare(plan, lambda: scan)["unchanged"]  # an output was missing
    os.utime(plan.inputs[0], ns=(1, 1))
    assert not prepare(plan, lambda: scan)["unchanged"]
    smaller = Plan("x", plan.output, plan.image_root, plan.inputs[:2], workers=1)
    prepare(smaller, lambda: Scan(scan.samples[:2]))
    assert sorted(path.name for path in (plan.output / "masks/x").iterdir()) == ["a.png", "b.png"]


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("writes", [0, 1, 3, 4])
def test_a_rerun_that_cannot_write_leaves_the_set_as_it_was(small, monkeypatch, writes):
    plan, scan = small
    prepare(plan, lambda: scan)
    original = content(plan.output)
    other = np.zeros((20, 30), bool)
    other[2:18, 3:9] = True
    changed_scan = Scan([Sample(path, lambda probe: Truth({"removal": other})) for path in plan.inputs])
    os.utime(plan.inputs[0], ns=(1, 1))
    real, count = locks.temporary_file, itertools.count()

    def full(folder):
        if next(count) >= writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(folder)

    monkeypatch.setattr(locks, "temporary_file", full)
    with pytest.raises(OutputError, match="/x.*: cannot be written: no space left|/[abc].png: cannot be written"):
        prepare(plan, lambda: changed_scan)
    current = content(plan.output)
    visible = {name: data for name, data in current.items() if not name.startswith((".", "annotations/."))}
    if writes < 4:  # three masks and the annotations
        assert visible == original
    else:  # all but the report, which stands for the set
        assert (
            visible.keys() == original.keys()
            and visible["annotations/x_report.json"] == original["annotations/x_report.json"]
        )
    monkeypatch.undo()
    assert not prepare(plan, lambda: changed_scan)["unchanged"]
    current = content(plan.output)
    assert current.keys() == original.keys()
    assert {entry["technique"] for entry in annotation_format.load(plan.annotations / "x.json")} == {"removal"}
    assert prepare(plan, lambda: pytest.fail("scanned"))["unchanged"]


def test_a_rerun_that_finds_nothing_leaves_the_set_as_it_was(small):
    plan, scan = small
    prepare(plan, lambda: scan)
    original = content(plan.output)
    os.utime(plan.inputs[0], ns=(1, 1))
    with pytest.raises(UserError, match="no usable image"):
        prepare(plan, lambda: Scan([]))
    current = content(plan.output)
    assert {name: data for name, data in current.items() if "/." not in name} == original


def test_mixed_techniques(small):
    plan, _ = small
    left, right = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    left[:, :10], right[:, 10:20] = True, True
    prepare(plan, lambda: Scan([Sample(plan.inputs[0], lambda probe: Truth({"splice": left, "removal": right}))]))
    (entry,) = annotation_format.load(plan.annotations / "x.json")
    assert entry["technique"] == "mixed" and [a["category_id"] for a in entry["annotations"]] == [0, 2]
    assert read_mask(entry["mask_file_name"]).sum() == 400


def test_two_runs_at_once_are_refused(small):
    plan, scan = small
    pytest.importorskip("fcntl")
    plan.annotations.mkdir()
    with Journal(plan.annotations / ".x.journal", "other"), pytest.raises(UserError, match="another run"):
        prepare(plan, lambda: scan)


def test_output_that_cannot_be_written(small):
    plan, scan = small
    (plan.output / "annotations").write_text("a file is in the way")
    with pytest.raises(UserError, match="cannot be written.*--output"):
        prepare(plan, lambda: scan)


def test_few_images_are_in_memory_at_once(small, monkeypatch):
    plan, scan = small
    alive, highest = [0], [0]

    def tracked(*parts, real=records.Probe):
        probe = real(*parts)
        alive[0] += 1
        highest[0] = max(highest[0], alive[0])
        weakref.finalize(probe, lambda: alive.__setitem__(0, alive[0] - 1))
        return probe

    monkeypatch.setattr(records, "Probe", tracked)
    files = [image_file(plan.output / f"{number}.png") for number in range(40)]
    prepare(
        Plan("x", plan.output, plan.image_root, files, workers=2),
        lambda: Scan([scan.samples[0], *(Sample(path, None) for path in files)]),  # no set without a forgery
    )
    assert 1 <= highest[0] <= records.AHEAD * 2
