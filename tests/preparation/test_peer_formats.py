"""Formats of other tools, out and in again through the real command, and written by hand as the tools expect them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from constrained_rcnn.data import annotation_format
from constrained_rcnn.images.reading import read_mask
from constrained_rcnn.preparation.peer_formats import FORMATS
from tests.helpers.casia_tree import photo, region
from tests.helpers.commands import run
from tests.helpers.source_trees import forged, save

SCRIPT = "datasets/convert_format.py"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """(split file, folder of the images): three forged JPEGs and an authentic one, with a plain list of CAT-Net."""
    root = tmp_path_factory.mktemp("peers")
    lines = []
    for number in range(3):
        save(root / f"data/Tp/{number}.jpg", forged(number, region(number)))
        save(root / f"data/masks/{number}.png", region(number))
        lines.append(f"data/Tp/{number}.jpg,data/masks/{number}.png,data/Tp/{number}.jpg")
    save(root / "data/Au/9.jpg", photo(9))
    (root / "list.txt").write_text("\n".join([*lines, "data/Au/9.jpg,None,data/Au/9.jpg"]) + "\n")
    completed = run(
        SCRIPT,
        "import",
        "--format",
        "catnet",
        "--input",
        "list.txt",
        "--root",
        "out",
        "--name",
        "x",
        cwd=root,
    )
    assert completed.returncode == 0, completed.stderr
    return root / "out/annotations/x.json", root


def content(split: Path, key=lambda path: path.stem) -> dict[str, tuple]:
    return {
        key(Path(entry["file_name"])): (
            entry["authentic"],
            [a["bbox"] for a in entry["annotations"]],
            None if entry["authentic"] else read_mask(entry["mask_file_name"]).tobytes(),
        )
        for entry in annotation_format.load(split)
    }


def test_what_is_imported(prepared):
    entries = content(prepared[0])
    assert {name: entry[0] for name, entry in entries.items()} == {
        "0": False,
        "1": False,
        "2": False,
        "9": True,
    }
    for number in range(3):
        assert entries[str(number)][2] == region(number).tobytes()
    assert {entry["technique"] for entry in annotation_format.load(prepared[0])} == {"tampered", "authentic"}


@pytest.mark.parametrize("form", FORMATS)
def test_out_and_in_again(prepared, tmp_path, form):
    split, root = prepared
    base = [] if form == "imdl-json" else ["--base", root]
    completed = run(SCRIPT, "export", "--format", form, "--split", split, "--output", "made", *base, cwd=tmp_path)
    assert completed.returncode == 0 and "made: 4 images" in completed.stdout, completed.stderr
    completed = run(
        SCRIPT, "import", "--format", form, "--input", "made", *base, "--root", "again", "--name", "y", cwd=tmp_path
    )  # fmt: skip
    assert completed.returncode == 0, completed.stderr
    imported = content(tmp_path / "again/annotations/y.json", lambda path: path.stem.split("_")[-1])
    assert imported == content(split)


def test_the_files_are_as_the_tools_read_them(prepared, tmp_path):
    split, root = prepared
    for form in FORMATS:
        args = ("--format", form, "--split", split, "--output", tmp_path / form, "--base", root)
        assert run(SCRIPT, "export", *args, cwd=tmp_path).returncode == 0
    masks = [Path(os.path.relpath(e["mask_file_name"], root)).as_posix() if e["mask_file_name"] else None
             for e in annotation_format.load(split)]  # fmt: skip
    images = ["data/Au/9.jpg", "data/Tp/0.jpg", "data/Tp/1.jpg", "data/Tp/2.jpg"]
    pairs = list(zip(images, masks, strict=True))
    assert json.loads((tmp_path / "imdl-json").read_text()) == [[i, m or "Negative"] for i, m in pairs]
    assert (tmp_path / "mvss").read_text().splitlines() == [f"{i} {m} {int(m is not None)}" for i, m in pairs]
    assert (tmp_path / "trufor").read_text().splitlines() == [f"{i},{m}" for i, m in pairs]
    assert (tmp_path / "catnet").read_text().splitlines() == [f"{i},{m},{i}" for i, m in pairs]
    folder = tmp_path / "imdl-folder"
    tampered, truth = sorted((folder / "Tp").iterdir()), sorted((folder / "Gt").iterdir())
    assert [path.stem for path in tampered] == [path.stem for path in truth]
    assert tampered[0].read_bytes() == (root / images[0]).read_bytes() and not read_mask(truth[0]).any()
    np.testing.assert_array_equal(read_mask(truth[1]), region(0))


@pytest.mark.parametrize(
    "form, text, words",
    [
        ("imdl-json", '{"a": 1}', "not of the form"),
        ("imdl-json", "[[1, 2]]", "not of the form"),
        ("imdl-json", "[]", "no images"),
        ("mvss", "a.jpg b.png", "line 1"),
        ("mvss", "a.jpg None 1", "label 1 with mask None"),
        ("trufor", "image,mask\na.jpg", "line 2"),
        ("catnet", "a.jpg,b.png", "line 1"),
    ],
)
def test_bad_lists_are_one_line(tmp_path, form, text, words):
    from constrained_rcnn.preparation.peer_formats import read_listing
    from constrained_rcnn.utils.errors import UserError

    (tmp_path / "list").write_text(text)
    with pytest.raises(UserError, match=words) as error:
        read_listing(form, tmp_path / "list", tmp_path)
    assert "list" in str(error.value) and "\n" not in str(error.value)


def test_what_a_format_cannot_hold_is_said(prepared, tmp_path):
    split, root = prepared
    data = json.loads(split.read_text())
    data["info"]["image_root"] = str(root)
    data["images"][0]["file_name"] = "data/Au/with space.png"
    odd = tmp_path / "annotations/odd.json"
    odd.parent.mkdir()
    odd.write_text(json.dumps(data))
    completed = run(SCRIPT, "export", "--format", "mvss", "--split", odd, "--output", "out.txt", cwd=tmp_path)
    assert completed.returncode == 2 and "with space.png" in completed.stderr and not (tmp_path / "out.txt").exists()
    completed = run(SCRIPT, "export", "--format", "catnet", "--split", odd, "--output", "out.txt", cwd=tmp_path)
    assert completed.returncode == 0 and "3 images" in completed.stdout and "not a JPEG" in completed.stdout
    data["images"][1] |= {"mask_file": None}
    odd.write_text(json.dumps(data))
    completed = run(SCRIPT, "export", "--format", "trufor", "--split", odd, "--output", "out2.txt", cwd=tmp_path)
    assert completed.returncode == 2 and "has boxes only" in completed.stderr
