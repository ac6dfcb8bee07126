"""What a user's arguments lead to: empty ones, folders, patterns; and what both commands over files make of them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from constrained_rcnn.apps.compare.command import main as compare
from constrained_rcnn.apps.compare.run import run
from constrained_rcnn.apps.image_pages import Item, items_of
from constrained_rcnn.apps.inputs import find_inputs, output_names
from constrained_rcnn.utils.errors import UserError, command_line
from tests.helpers.closed_folder import close_folder
from tests.helpers.detect_files import table


def save(path, seed=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, options.pop("kind", "PNG"), **options)
    path.write_bytes(buffer.getvalue())
    return path


def test_an_empty_input_is_an_error(tmp_path, monkeypatch, capsys):
    save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    for given in ([""], ["a.png", ""]):
        with pytest.raises(UserError, match="an input is empty"):
            find_inputs(given)
    for arguments in (["--input", "", "--output", "out"], ["--input", "a.png", "--output", ""],
                      ["--input", "a.png", "--against", "", "--output", "out"]):  # fmt: skip
        assert compare(arguments) == 2
        assert "is empty; name a file or folder" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["a.png"]


def test_folders_tell_what_they_hold(tmp_path):
    save(tmp_path / "in" / "IMG_1.jpg_large")
    for name in ("notes.txt", "sub/clip.mov", ".DS_Store", "sub/Thumbs.db"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"something else")
    found = find_inputs([str(tmp_path / "in"), str(tmp_path / "in")])
    assert [file.name for file in found.files] == ["IMG_1.jpg_large"] and not found.lost
    assert [Path(entry["file"]).name for entry in found.left_out[:2]] == ["notes.txt", "clip.mov"]
    assert found.left_out[2] == {"file": ".DS_Store, Thumbs.db", "reason": "2 hidden or system files"}
    assert found.left_out_lines() == [
        "2 files, not an image: notes.txt, clip.mov", "2 hidden or system files: .DS_Store, Thumbs.db"
    ]  # fmt: skip
    os.remove(tmp_path / "in" / "IMG_1.jpg_large")
    found = find_inputs([str(tmp_path / "in")])
    assert found.lost == [(str(tmp_path / "in"), "no image in it")]
    assert "no image in it; 2 more)" in found.why_none()


def test_a_pattern_searches_the_folders_that_it_finds(tmp_path):
    save(tmp_path / "a" / "one.png")
    save(tmp_path / "b" / "deep" / "two.png")
    (tmp_path / "empty").mkdir()
    found = find_inputs([str(tmp_path / "*")])
    assert [file.name for file in found.files] == ["one.png", "two.png"] and not found.lost
    assert [file.name for file in find_inputs([str(tmp_path / "**" / "t*")]).files] == ["two.png"]


def test_a_folder_that_cannot_be_listed_is_an_item(tmp_path, monkeypatch):
    save(tmp_path / "in" / "a.png")
    close_folder(monkeypatch, tmp_path / "in" / "closed")
    found = find_inputs([str(tmp_path / "in")])
    assert len(found.files) == 1
    assert found.lost == [(str(tmp_path / "in" / "closed"), "the folder cannot be listed: permission denied")]


def test_pages_are_items_with_names_of_their_own(tmp_path):
    pages = [Image.fromarray(np.full((40, 40, 3), value, np.uint8)) for value in (0, 99)]
    several = save(tmp_path / "scan.tif", kind="TIFF", save_all=True, append_images=pages)
    plain, broken = save(tmp_path / "scan_page2.png"), tmp_path / "broken.png"
    broken.write_bytes(b"x")
    assert items_of([several, plain], "first", max_pixels=10**6) == [Item(several), Item(plain)]
    items = items_of([several, plain, broken], "all", max_pixels=10**6)
    assert items == [*(Item(several, page) for page in (1, 2, 3)), Item(plain), Item(broken)]
    assert str(items[1]) == f"{several}, page 2"
    names = output_names([item.place for item in items])
    assert len({name.casefold() for name in names.values()}) == 5
    assert names[items[0].place] == "scan_page1" and names[items[1].place].startswith("scan_page2-")


def test_comparison_tells_pages_turns_and_what_it_left_out(tmp_path, capsys):
    first, second = (Image.fromarray(image) for image in (data.chelsea(), data.astronaut()))
    exif = Image.Exif()
    exif[0x0112] = 3
    (tmp_path / "in").mkdir()
    first.save(tmp_path / "in" / "scan.tif", save_all=True, append_images=[second])
    second.rotate(180).save(tmp_path / "in" / "turned.jpg", quality=92, exif=exif)
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    out = tmp_path / "out"
    assert run([str(tmp_path / "in")], str(out), pages="all") == 0
    assert "left out: 1 file, not an image: notes.txt" in capsys.readouterr().out
    told = json.loads((out / "pairs.json").read_text())
    (pair,) = told["pairs"]
    assert {pair["first"], pair["second"]} == {f"{tmp_path}/in/scan.tif, page 2", f"{tmp_path}/in/turned.jpg"}
    readings = {Path(name).name: one["changes"] for name, one in told["reading"].items()}
    assert readings["scan.tif, page 1"] == {"page": "page 1 of 2"}
    assert readings["turned.jpg"] == {"turned": "turned upright by its orientation tag 3"}
    assert [Path(entry["file"]).name for entry in told["left_out"]] == ["notes.txt"]
    rows = table(out / "pairs.csv")
    assert "page 2 of 2" in {rows[0]["first_reading"], rows[0]["second_reading"]}
    assert rows[1]["relation"] == "left out" and rows[1]["reason"] == "not an image"
    page = (out / "pairs.html").read_text(encoding="utf-8")
    assert "page 2 of 2" in page and "notes.txt" in page
    assert cv2.imread(str(out / "pairs" / f"{pair['name']}.jpg")) is not None
    assert run([str(tmp_path / "in" / "scan.tif")], str(out), pages="all", resume=True) == 0  # with itself


@pytest.mark.parametrize(("arguments", "option"), [
    (["--input", ""], "--input"), (["--input", "a", "", "--output", "b"], "--input"), (["--output="], "--output"),
    ([""], "an argument"), (["--images", "a", "--root", ""], "--root"),
    (["--config-file", "a.yaml", "MODEL.WEIGHTS", "", "--output", ""], "--output"),
])  # fmt: skip
def test_no_command_takes_an_empty_argument(arguments, option, capsys):
    assert command_line(lambda argv: 0)(arguments) == 2
    assert f"error: {option}: is empty" in capsys.readouterr().err


def test_values_of_config_keys_may_be_empty():
    for arguments in (["--input", "a", "--opts", "MODEL.WEIGHTS", ""], ["--resume", "OUTPUT_DIR", ""], ["--x=1", "-"]):
        assert command_line(lambda argv: 0)(arguments) == 0
