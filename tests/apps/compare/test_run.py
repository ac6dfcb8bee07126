"""The command that compares files: what it writes, what it survives, and that it can be interrupted."""

import errno
import json
import os
import shutil

import cv2
import numpy as np
import pytest
from skimage import data

from constrained_rcnn.apps.compare import comparisons, results
from constrained_rcnn.apps.compare.comparisons import Comparisons
from constrained_rcnn.apps.compare.run import run
from constrained_rcnn.apps.compare.table import ALTERED, PART, SAME, SAME_FILE
from constrained_rcnn.utils import journal
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.files import output_error
from tests.helpers import schemas
from tests.helpers.browser import check_page, needs_chromium
from tests.helpers.copied import photo
from tests.helpers.detect_files import table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An original; altered and honest versions of it; another image, of which a part was pasted; one apart."""
    folder = tmp_path_factory.mktemp("images") / "in"
    folder.mkdir()
    original, donor = photo(), np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    altered = original.copy()
    altered[200:360, 40:160] = cv2.resize(donor[20:220, 150:300], (120, 160), interpolation=cv2.INTER_AREA)
    images = {
        "original.png": original, "altered.jpg": altered, "donor.png": donor,
        "apart.png": np.ascontiguousarray(data.chelsea()[:, :, ::-1]),
        "small.jpg": cv2.resize(original, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    }  # fmt: skip
    for name, pixels in images.items():
        assert cv2.imwrite(str(folder / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    shutil.copy(folder / "apart.png", folder / "=twin.png")
    return folder


def relations(out):
    told = json.loads((out / "pairs.json").read_text(encoding="utf-8"))
    names = [frozenset(os.path.basename(one[side]) for side in ("first", "second")) for one in told["pairs"]]
    return dict(zip(names, (one["relation"] for one in told["pairs"])))


EXPECTED = {
    frozenset(("original.png", "altered.jpg")): ALTERED,
    frozenset(("small.jpg", "altered.jpg")): ALTERED,
    frozenset(("donor.png", "altered.jpg")): PART,
    frozenset(("original.png", "small.jpg")): SAME,
    frozenset(("apart.png", "=twin.png")): SAME_FILE,
}


def test_every_pair_is_told_and_a_bad_file_skipped(folder, tmp_path, capsys):
    out, bad = tmp_path / "out", tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff broken")
    assert run([str(folder), str(bad), str(tmp_path / "gone.png")], str(out)) == 1
    said = capsys.readouterr().out
    assert "6 images, 15 pairs compared, 5 of them with something in common, 2 skipped" in said
    assert "bad.jpg: " in said and "gone.png: no such file" in said
    assert relations(out) == EXPECTED
    schemas.check(json.loads((out / "pairs.json").read_text(encoding="utf-8")), "compare/schema/pairs-1.json")
    rows = table(out / "pairs.csv")
    assert [row["relation"] for row in rows] == [ALTERED, ALTERED, PART, SAME, SAME_FILE, "skipped", "skipped"]
    assert float(rows[0]["first_altered"]) == pytest.approx(120 * 160 / (400 * 600), rel=0.25)
    for row in rows[:4]:
        for side in ("first", "second"):
            mask = cv2.imread(str(out / "pairs" / f"{row['name']}_{side}.png"), cv2.IMREAD_UNCHANGED)
            assert mask.shape == cv2.imread(row[side]).shape[:2] and mask.dtype == np.uint8
            assert set(np.unique(mask)) <= {0, 128, 255} and (255 in mask) == (row["relation"] == ALTERED)
        assert cv2.imread(str(out / "pairs" / f"{row['name']}.jpg")) is not None
    assert rows[4]["name"] == "" and not list(out.rglob(".tmp-*"))


@needs_chromium
def test_the_page(folder, tmp_path):
    name = "<img src=x onerror=alert(1)>.png"
    shutil.copy(folder / "original.png", tmp_path / name)
    (tmp_path / f"{'broken' * 30}.png").write_bytes(b"<script>alert(1)</script>")
    run([str(folder), str(tmp_path)], str(tmp_path / "out"))
    check_page(tmp_path / "out" / "pairs.html", tmp_path, images=4)


def test_against_an_archive_inputs_are_not_compared_with_each_other(folder, tmp_path):
    out = tmp_path / "out"
    inputs = [str(folder / "altered.jpg"), str(folder / "original.png")]
    assert run(inputs, str(out), against=[str(folder / "small.jpg"), str(folder / "donor.png"), inputs[1]]) == 0
    assert relations(out) == {pair: kind for pair, kind in EXPECTED.items() if "=twin.png" not in pair}
    told = json.loads((out / "pairs.json").read_text(encoding="utf-8"))
    assert all(os.path.basename(one["first"]) in ("altered.jpg", "original.png") for one in told["pairs"])
    assert len(told["pairs"]) == 4


def test_an_interrupted_run_keeps_what_it_found_and_goes_on(folder, tmp_path, monkeypatch, capsys):
    out, compared, real = tmp_path / "out", [], comparisons.compare

    def until(limit):
        def one(*pair):
            if len(compared) == limit:
                raise KeyboardInterrupt
            compared.append(pair)
            return real(*pair)

        return one

    monkeypatch.setattr(comparisons, "compare", until(8))
    with pytest.raises(KeyboardInterrupt):
        run([str(folder)], str(out))
    assert "Interrupted" in (out / "pairs.html").read_text(encoding="utf-8")
    some = relations(out)
    assert 0 < len(some) < len(EXPECTED)
    compared.clear()
    monkeypatch.setattr(comparisons, "compare", until(100))
    assert run([str(folder)], str(out), resume=True) == 0
    assert 0 < len(compared) < 14 and relations(out) == EXPECTED  # of 15 pairs one is the same file twice
    compared.clear()
    missing = next((out / "pairs").glob("*_first.png"))
    assert run([str(folder)], str(out), resume=True) == 0 and not compared and relations(out) == EXPECTED
    missing.unlink()
    assert run([str(folder)], str(out), resume=True) == 0 and compared and missing.is_file()
    compared.clear()
    assert run([str(folder)], str(out)) == 0 and len(compared) == 14  # not asked to resume
    before = len(list((out / "pairs").iterdir()))
    (out / "pairs" / "mine.txt").write_text("kept")
    assert run([str(folder / "original.png"), str(folder / "altered.jpg")], str(out)) == 0
    assert before == 12 and len(list((out / "pairs").iterdir())) == 12 + 1 and relations(out) == EXPECTED


def counted(monkeypatch, limit=1000):
    """The names of what is compared; interrupted at a number of pairs."""
    compared, real = [], Comparisons._compared

    def one(self, first, second):
        if len(compared) == limit:
            raise KeyboardInterrupt
        compared.append((first.item.file.name, second.item.file.name))
        return real(self, first, second)

    monkeypatch.setattr(Comparisons, "_compared", one)
    return compared


def test_one_input_against_an_archive_goes_on_pair_by_pair(folder, tmp_path, monkeypatch):
    out, one = tmp_path / "out", [str(folder / "altered.jpg")]
    names = ["apart.png", "donor.png", "original.png"]
    archive = [str(folder / name) for name in names]
    compared = counted(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        run(one, str(out), against=archive)
    assert compared == [("altered.jpg", name) for name in names[:2]]
    journal = out / results.JOURNAL
    journal.write_bytes(journal.read_bytes() + b'["cut off", {"fir')  # by a kill
    monkeypatch.undo()
    compared = counted(monkeypatch)
    assert run(one, str(out), against=archive, resume=True) == 0 and compared == [("altered.jpg", "original.png")]
    assert run(one, str(out), against=[*archive[1:], str(folder / "small.jpg")], resume=True) == 0
    assert compared[1:] == [("altered.jpg", "small.jpg")]  # another archive
    assert relations(out) == {pair: kind for pair, kind in EXPECTED.items() if "altered.jpg" in pair}


@pytest.mark.parametrize("resume", [False, True])
def test_interrupted_while_reading_it_keeps_what_was_there(folder, tmp_path, monkeypatch, resume):
    out, inputs = tmp_path / "out", [str(folder / "original.png"), str(folder / "altered.jpg")]
    run(inputs, str(out))
    before = json.loads((out / "pairs.json").read_text())["pairs"]

    def interrupted(self, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(Comparisons, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(inputs, str(out), resume=resume)
    told = json.loads((out / "pairs.json").read_text())
    assert told["pairs"] == before and not told["finished"] and len(table(out / "pairs.csv")) == 1
    assert "Interrupted" in (out / "pairs.html").read_text(encoding="utf-8")
    monkeypatch.undo()
    compared = counted(monkeypatch)
    assert run(inputs, str(out), resume=True) == 0 and not compared  # nor is it forgotten what was compared


def test_pairs_of_other_inputs_are_added(folder, tmp_path, capsys):
    out = tmp_path / "out"
    run([str(folder / "original.png"), str(folder / "altered.jpg"), str(tmp_path / "gone.png")], str(out))
    assert run([str(folder / "donor.png")], str(out), against=[str(folder / "altered.jpg")]) == 0
    assert "1 pairs compared, 1 of them with something in common, 1 more found by earlier runs, 0 skipped" in (
        capsys.readouterr().out
    )
    assert len(relations(out)) == 2 and "and 1 of earlier runs" in (out / "pairs.html").read_text(encoding="utf-8")
    assert [row["relation"] for row in table(out / "pairs.csv")][2] == "skipped"
    shutil.copy(folder / "apart.png", tmp_path / "gone.png")
    run([str(folder / "donor.png"), str(tmp_path / "gone.png")], str(out))
    assert len(table(out / "pairs.csv")) == 2  # read at last
    (out / "pairs.json").write_text('{"pairs": [{"first": 3}], "skipped": []}')
    with pytest.raises(UserError, match="pairs.json: is damaged, or no file of this command; move it"):
        run([str(folder / "donor.png"), str(folder / "apart.png")], str(out))


@pytest.mark.parametrize("where", ["pairs", "compared.jsonl", "pairs.csv", "full journal", "full table"])
def test_outputs_that_cannot_be_written(folder, tmp_path, monkeypatch, capsys, where):
    out, inputs = tmp_path / "out", [str(folder / "original.png"), str(folder / "altered.jpg")]
    run(inputs, str(out))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix != ".jsonl"}
    named = {"full journal": "compared.jsonl", "full table": ""}.get(where, where)
    if where == "pairs":
        shutil.move(out / "pairs", tmp_path / "moved")
        (out / "pairs").write_text("mine")
    elif where in ("compared.jsonl", "pairs.csv"):
        os.unlink(out / where)
        (out / where).mkdir()
    elif where == "full journal":
        monkeypatch.setattr(journal, "append", full_journal)
    else:
        monkeypatch.setattr(results, "write_page", full)
    capsys.readouterr()
    with pytest.raises(OutputError, match=f"{out}.*{named}.*") as caught:
        run(inputs, str(out))
    assert "\n" not in str(caught.value) and "skipped:" not in capsys.readouterr().out
    if where.startswith("full"):
        after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix != ".jsonl"}
        assert after.keys() == before.keys() and len(json.loads((out / "pairs.json").read_text())["pairs"]) == 1
        assert where != "full table" or after == before


def full_journal(file, path, data, real=journal.append):
    """The disk is full but for the first line."""
    if b'"first"' in data:
        raise output_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    real(file, path, data)


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_damaged_journal_is_no_reason_to_fail(folder, tmp_path):
    out = tmp_path / "out"
    inputs = [str(folder / name) for name in ("original.png", "altered.jpg")]
    run(inputs, str(out))
    journal = out / results.JOURNAL
    journal.write_bytes(b'\xff{"key"\n[]\n{"key": 1, "pairs": 2}\n' + journal.read_bytes()[:-20])
    assert run(inputs, str(out), resume=True) == 0 and len(relations(out)) == 1


def test_an_image_that_changes_meanwhile_is_skipped(folder, tmp_path, monkeypatch, capsys):
    for name in ("original.png", "altered.jpg"):
        shutil.copy(folder / name, tmp_path)
    real = comparisons.compare

    def changed(first, second):
        shutil.copy(folder / "apart.png", tmp_path / "original.png")
        return real(first, second)

    monkeypatch.setattr(comparisons, "compare", changed)
    inputs = [str(tmp_path / name) for name in ("original.png", "altered.jpg")]
    assert run(inputs, str(tmp_path / "out")) == 1
    assert "original.png changed while it was compared" in capsys.readouterr().out


def test_what_cannot_be_compared_is_one_line(folder, tmp_path):
    with pytest.raises(UserError, match="nowhere: no image found there"):
        run([str(tmp_path / "nowhere")], str(tmp_path / "out"))
    with pytest.raises(UserError, match="apart.png: nothing to compare this one image with"):
        run([str(folder / "apart.png")], str(tmp_path / "out"))
    with pytest.raises(UserError, match="nowhere: no image found there"):
        run([str(folder)], str(tmp_path / "out"), against=[str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match="holds an input"):
        run([str(folder / "apart.png"), str(folder / "donor.png")], str(folder))


def test_a_file_by_two_names_and_images_without_texture(folder, tmp_path, capsys):
    (tmp_path / "link.png").symlink_to(folder / "donor.png")
    assert cv2.imwrite(str(tmp_path / "plain.png"), np.full((50, 60, 3), 200, np.uint8))
    inputs = [str(folder / "donor.png"), str(tmp_path / "link.png"), str(tmp_path / "plain.png")]
    assert run(inputs, str(tmp_path / "out"), against=[str(folder / "donor.png"), str(folder / "apart.png")]) == 1
    said = capsys.readouterr().out
    assert "2 images, 1 pairs compared, 0 of them" in said and "plain.png: too small, or too little texture" in said
