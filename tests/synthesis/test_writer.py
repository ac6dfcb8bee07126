"""A set of forgeries on disk: the same bytes however it was made, and clear words for bad photos."""

from __future__ import annotations

import errno
import itertools
import json
import os

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.synthesis import find_photos, split_photos, write_forgeries, writer
from constrained_rcnn.synthesis.photos import FAMILY, families
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils import locks
from constrained_rcnn.utils.errors import OutputError, UserError
from tests.helpers.commands import running
from tests.helpers.processes import Elsewhere

SIZE = (128, 160)
synthesize_set = running("synthesize")
PHOTOS = [(f"p{seed}", render_scene(seed, (160, 200))) for seed in range(7)]


def _write(root, count=8, seed=5, **options):
    return write_forgeries(PHOTOS, root, "train", count, seed, size=SIZE, **options)


def _content(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def folder(tmp_path):
    for name, pixels in PHOTOS[:5]:
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos"


def test_same_bytes_for_any_number_of_workers_and_after_an_interruption(tmp_path, monkeypatch):
    _write(tmp_path / "one", workers=1)
    _write(tmp_path / "four", workers=4)
    assert _content(tmp_path / "one") == _content(tmp_path / "four")

    make_item, first_items = writer._make_item, []

    def stop_at_five(job, index):
        if len(first_items) == 5:
            raise KeyboardInterrupt
        first_items.append(index)
        return make_item(job, index)

    monkeypatch.setattr(writer, "_make_item", stop_at_five)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path / "stopped", workers=1)
    first_count = len(first_items)
    second_items = []
    monkeypatch.setattr(writer, "_make_item", lambda job, index: second_items.append(index) or make_item(job, index))
    _write(tmp_path / "stopped", workers=1)
    assert first_count == 5 and len(second_items) < 8, "nothing of the first run was used"
    assert _content(tmp_path / "one") == _content(tmp_path / "stopped")


def test_a_full_disk_ends_it_in_one_line_and_it_goes_on(tmp_path, monkeypatch):
    _write(tmp_path / "whole", workers=1)
    real, count = locks.temporary_file, itertools.count()

    def full(folder):
        if next(count) >= 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(folder)

    monkeypatch.setattr(locks, "temporary_file", full)
    with pytest.raises(OutputError, match="train/0.*png: cannot be written: no space left on device; make room"):
        _write(tmp_path / "full", workers=1)
    assert not list((tmp_path / "full").rglob("*.json")) and not list((tmp_path / "full").rglob(".tmp-*"))
    monkeypatch.undo()
    _write(tmp_path / "full", workers=1)
    assert _content(tmp_path / "full") == _content(tmp_path / "whole")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="file/annotations: cannot be written: not a directory"):
        _write(tmp_path / "file")


@pytest.mark.skipif(not locks.AVAILABLE, reason="no locks on Windows")
def test_two_runs_of_one_split_are_told_apart(tmp_path):
    (tmp_path / "annotations").mkdir()
    other = Elsewhere(
        "from constrained_rcnn.utils.journal import Journal\nfrom pathlib import Path\n"
        f"journal = Journal(Path({str(tmp_path / 'annotations' / 'train.journal')!r}), 'x')\njournal.__enter__()"
    )
    with pytest.raises(UserError, match="another run is writing there"):
        _write(tmp_path)
    other.kill()
    assert not _write(tmp_path, count=2)["unchanged"]


def test_another_seed_or_split_makes_other_images(tmp_path):
    _write(tmp_path / "a", count=2)
    _write(tmp_path / "b", count=2, seed=6)
    write_forgeries(PHOTOS, tmp_path / "c", "test", 2, 5, size=SIZE)
    masks = [min((tmp_path / folder).rglob("masks/*/*.png")).read_bytes() for folder in "abc"]
    assert len(set(masks)) == 3


def test_internal_form(tmp_path):
    written = _write(tmp_path)
    assert written["forged"] == 8 and written["authentic"] == 8 and not written["unchanged"]
    rows = annotation_format.load(written["json_file"])
    assert len(rows) == 16
    for row in rows:
        assert np.asarray(Image.open(row["file_name"])).shape == (*SIZE, 3)
        if row["authentic"]:
            assert row["mask_file_name"] is None and not row["annotations"]
        else:
            mask = np.asarray(Image.open(row["mask_file_name"]))
            assert mask.shape == SIZE and set(np.unique(mask)) == {0, 255} and row["annotations"]
    assert _write(tmp_path)["unchanged"]
    with pytest.raises(UserError, match="holds another set"):
        _write(tmp_path, seed=9)


def test_groups_hold_whole_families(tmp_path):
    written = _write(tmp_path, count=14)
    group_of = {}
    for image in json.loads(written["json_file"].read_text())["images"]:
        assert group_of.setdefault(image["source"], image["group"]) == image["group"]
    groups, _ = families(PHOTOS, 5)
    assert sorted(sum(groups, [])) == list(range(len(PHOTOS))) and min(map(len, groups)) >= 2
    photos = [(str(i), PHOTOS[0][1]) for i in range(100)]
    assert len(families(photos, 0, count=3)[0]) == 1 and len(families(photos, 0)[0]) == 100 // FAMILY


def test_share_of_authentic_counterparts(tmp_path):
    assert _write(tmp_path / "none", count=3, authentic=0.0)["authentic"] == 0
    assert 0 < _write(tmp_path / "half", count=14, authentic=0.5)["authentic"] < 14


def test_split_puts_every_photo_on_one_side():
    train, test = split_photos(PHOTOS, 0.3, 0)
    assert len(train) + len(test) == len(PHOTOS) and not {n for n, _ in train} & {n for n, _ in test}
    assert len(test) == 2
    with pytest.raises(UserError, match="cannot be split"):
        split_photos(PHOTOS[:3], 0.5, 0)


def test_unreadable_photo_is_left_out_and_listed(folder, tmp_path, capsys):
    (folder / "text.jpg").write_text("no image")
    content = (folder / "p0.png").read_bytes()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])  # its header is fine, its pixels are not
    Image.fromarray(PHOTOS[0][1][:20, :20]).save(folder / "tiny.png")
    output = tmp_path / "o"
    assert synthesize_set(["--images", str(folder), "--output", str(output), "--count", "5", "--size", "128x160"]) == 0
    out = capsys.readouterr().out
    for name in ("text.jpg", "cut.png", "tiny.png"):
        assert sum(name in line for line in out.splitlines()) == 1
    sources = {i["source"] for i in json.loads((tmp_path / "o/annotations/train.json").read_text())["images"]}
    assert sources <= {f"p{i}.png" for i in range(5)}


def test_test_fraction_makes_two_splits_from_other_photos(folder, tmp_path):
    arguments = ["--images", str(folder), "--output", str(tmp_path), "--count", "6", "--size", "128x160"]
    assert synthesize_set([*arguments, "--test-fraction", "0.4"]) == 0
    photos_by_split = [
        {i["group"] for i in json.loads((tmp_path / f"annotations/{s}.json").read_text())["images"]}
        for s in ("train", "test")
    ]
    assert all(photos_by_split) and not photos_by_split[0] & photos_by_split[1]


@pytest.mark.parametrize("make", ["missing", "empty", "hopeless"])
def test_no_usable_photo_is_one_line(make, tmp_path, capsys):
    images = tmp_path / "in"
    if make != "missing":
        images.mkdir()
    if make == "hopeless":
        (images / "a.jpg").write_bytes(b"\xff\xd8nothing")
    assert synthesize_set(["--images", str(images), "--output", str(tmp_path / "o"), "--count", "2"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and str(images) in error
    assert not (tmp_path / "o").exists()


def test_output_inside_of_the_photos_is_no_photo(folder):
    for _ in range(2):
        assert len(find_photos(folder, SIZE, [folder / "out"])[0]) == 5
        write_forgeries(PHOTOS[:3], folder / "out", "train", 2, 0, size=SIZE)


def test_bad_options(tmp_path):
    with pytest.raises(UserError, match="split "):
        write_forgeries(PHOTOS, tmp_path, "../x", 1, 0, size=SIZE)
    with pytest.raises(UserError, match="count 0"):
        _write(tmp_path, count=0)
    with pytest.raises(UserError, match="unknown technique"):
        _write(tmp_path, techniques=["blur"])
    with pytest.raises(UserError, match="at least two photos"):
        write_forgeries(PHOTOS[:1], tmp_path, "train", 1, 0, size=SIZE)
    with pytest.raises(SystemExit):
        synthesize_set(["--demo", "--output", str(tmp_path), "--count", "1", "--size", "big"])


def test_refined_outlines_do_not_depend_on_the_thread(tmp_path):
    """GrabCut starts from random numbers that OpenCV keeps per thread."""
    _write(tmp_path / "one", count=9, workers=1, preset="careful")
    _write(tmp_path / "three", count=9, workers=3, preset="careful")
    assert _content(tmp_path / "one") == _content(tmp_path / "three")


def test_file_names_do_not_tell(tmp_path):
    """Within a pair either number may be the forged one; nothing else in a name differs."""
    written = _write(tmp_path, count=20)
    images = json.loads(written["json_file"].read_text())["images"]
    assert len({len(image["file_name"]) for image in images}) == 1
    parities = [int(image["file_name"][-5]) % 2 for image in images if not image["authentic"]]
    assert 3 <= sum(parities) <= 17
    assert len({image["file_name"] for image in images}) == 40


def test_several_folders_annotations_and_sizes(folder, tmp_path, capsys):
    """Photos of two folders meet in one set, each under its folder's name, on one side of the split."""
    other = tmp_path / "others"
    other.mkdir()
    for name, pixels in PHOTOS[:5]:
        Image.fromarray(pixels[::-1, ::-1]).save(other / f"{name}.png")
    size = {"width": 200, "height": 160}
    box = [[20.0, 20.0, 90.0, 20.0, 90.0, 90.0, 20.0, 90.0]]
    for number, name in enumerate(("photos/p0.png", "others/p1.png")):
        entry = {"images": [{"id": 7, "file_name": name, **size}], "categories": [{"id": 1, "name": "thing"}]}
        entry["annotations"] = [{"id": 1, "image_id": 7, "category_id": 1, "segmentation": box}]
        (tmp_path / f"{number}.json").write_text(json.dumps(entry))
    annotations = ["--annotations", str(tmp_path / "0.json"), str(tmp_path / "1.json")]
    arguments = ["--images", str(folder), str(other), "--output", str(tmp_path / "o"), "--count", "12"]
    arguments += ["--preset", "people", "--size", "128x160", "96x96", "--test-fraction", "0.4", "--authentic", "0"]
    assert synthesize_set([*arguments, *annotations]) == 0
    assert "left out" not in capsys.readouterr().out
    sets = [json.loads((tmp_path / f"o/annotations/{s}.json").read_text())["images"] for s in ("train", "test")]
    assert {(i["height"], i["width"]) for images in sets for i in images} == {(128, 160), (96, 96)}
    sources = [{i["source"] for i in images} for images in sets]
    assert not sources[0] & sources[1]
    assert {source.split("/")[0] for side in sources for source in side} == {"photos", "others"}
    assert synthesize_set(["--images", str(folder), str(folder), "--output", str(tmp_path / "p"), "--count", "2"]) == 2
    assert "two folders are named photos" in capsys.readouterr().err
