"""The same image twice, found by pixels and by look, also through the real command."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.preparation.duplicates import NEAR_BITS, duplicates, image_print, shared_pixels
from tests.helpers.casia_tree import photo
from tests.helpers.commands import run
from tests.helpers.images import mask
from tests.helpers.source_trees import save


def bits(first: np.ndarray, second: np.ndarray) -> int:
    """How many of the 64 bits of two images' hashes differ."""
    a, b = (int(image_print(image)["looks"], 16) for image in (first, second))
    return (a ^ b).bit_count()


def compressed(pixels: np.ndarray, quality: int = 60) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def test_the_hash_survives_what_leaves_an_image_the_same():
    for seed in range(5):
        image = photo(seed, 200, 300)
        half = np.array(Image.fromarray(image).resize((150, 100), Image.Resampling.LANCZOS))
        darker = (image * 0.8).astype(np.uint8)
        for same in (compressed(image), half, darker):
            assert bits(image, same) <= NEAR_BITS
        for other in (photo(seed + 100, 200, 300), image[:, ::-1], image[::-1]):
            assert bits(image, np.ascontiguousarray(other)) > 2 * NEAR_BITS
        assert image_print(image)["pixels"] != image_print(compressed(image))["pixels"]


def test_flat_images_are_not_compared():
    assert image_print(np.full((20, 30, 3), 90, np.uint8)) is None


def test_the_shape_counts():
    pixels = photo(0, 20, 30)
    assert image_print(pixels)["pixels"] != image_print(pixels.reshape(30, 20, 3))["pixels"]


@pytest.mark.parametrize("side", [{}, {"a": "train", "b": "test", "c": "train", "d": "test"}])
def test_what_is_said(side):
    looks = {"a": 0, "b": 0b111, "c": 0, "d": 2**64 - 1}
    prints = {
        name: {"pixels": "p" if name in "ac" else name, "looks": f"{value:016x}"} for name, value in looks.items()
    }
    assert shared_pixels(prints) == {"a": "~p", "c": "~p"}
    findings = duplicates(prints, {"a": "1", "b": "2", "c": "1", "d": "3"}, side)
    suffix = " across the split" if side else ""
    assert {(row.kind, row.file, row.message) for row in findings} == {
        ("same pixels", "c", "the same image as a"),
        # Named by the first in order: b beside a, c beside b.
        (f"looks alike{suffix}", "b", "like a (3 of 64 bits differ)"),
        (f"looks alike{suffix}", "c", "like b (3 of 64 bits differ)"),
    }
    one_group = dict.fromkeys("abcd", "1")
    assert [row.kind for row in duplicates(prints, one_group, side)] == ["same pixels"]
    assert duplicates({}, {}, {}) == []


def test_many_images_in_blocks():
    """Twins at the far ends of more images than one block has."""
    rng = np.random.default_rng(0)
    prints = {f"{n:05}": {"pixels": str(n), "looks": rng.bytes(8).hex()} for n in range(2100)}
    prints["02099"]["looks"] = prints["00001"]["looks"]
    findings = duplicates(prints, {name: name for name in prints}, {})
    assert [(row.file, row.message) for row in findings] == [("02099", "like 00001 (0 of 64 bits differ)")]


def test_through_the_command(tmp_path):
    """Twins are one group and so on one side; near twins on both sides are said."""
    for number in range(8):
        save(tmp_path / f"images/{number}.png", photo(number, 60, 90))
        mask(tmp_path / f"masks/{number}.png", (90, 60))
    for name, pixels in (("twin", photo(0, 60, 90)), ("near", compressed(photo(1, 60, 90), 80))):
        save(tmp_path / f"images/{name}.png", pixels)
        mask(tmp_path / f"masks/{name}.png", (90, 60))
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"splits": {"train": ["0.png", "1.png"], "test": ["twin.png", "near.png"]}}))
    arguments = ["--images", "images", "--masks", "masks", "--name", "x"]
    completed = run("datasets/prepare_folder.py", *arguments, "--root", "drawn", "--test-fraction", 0.4, cwd=tmp_path)
    assert completed.returncode == 0 and "same pixels (1)" in completed.stdout, completed.stderr
    groups = {entry["file_name"].split("/")[-1]: entry["group"]
              for entry in annotation_format.load(tmp_path / "drawn/annotations/x.json")}  # fmt: skip
    assert groups["0.png"] == groups["twin.png"] and len(set(groups.values())) == 9
    completed = run("datasets/prepare_folder.py", *arguments, "--root", "read", "--split-file", split, cwd=tmp_path)
    rows = json.loads((tmp_path / "read/annotations/x_report.json").read_text())["findings"]
    files = {row["kind"]: row["file"] for row in rows if row["kind"] != "split: not listed"}
    assert files["same pixels across the split"] == "twin.png"
    assert files["looks alike across the split"] == "near.png"
    assert "split: group on both sides" in files


def test_between_two_sets(tmp_path):
    for number in range(4):
        save(tmp_path / f"one/{number}.png", photo(number, 60, 90))
        save(tmp_path / f"two/{number + 10}.png", photo(number + 10, 60, 90))
    save(tmp_path / "two/twin.png", photo(2, 60, 90))
    save(tmp_path / "two/near.png", compressed(photo(3, 60, 90), 80))
    (tmp_path / "none").mkdir()
    for name in ("one", "two"):
        arguments = ["--images", "none", "--authentic", name, "--authentic-only"]
        arguments += ["--root", f"out_{name}", "--name", name]
        completed = run("datasets/prepare_folder.py", *arguments, cwd=tmp_path)
        assert completed.returncode == 0, completed.stderr
    splits = ["out_one/annotations/one.json", "out_two/annotations/two.json"]
    completed = run("datasets/find_duplicates.py", *splits, "--output", "found.json", cwd=tmp_path)
    assert completed.returncode == 1, completed.stderr
    rows = json.loads((tmp_path / "found.json").read_text())
    assert {(row["kind"], row["file"].split("/")[-1]) for row in rows} == {
        ("same pixels across the split", "twin.png"),
        ("looks alike across the split", "near.png"),
    }
    assert "two/twin.png" in completed.stdout
    completed = run("datasets/find_duplicates.py", splits[0], splits[0], cwd=tmp_path)
    assert completed.returncode == 1 and "same file across the split (4)" in completed.stdout
    (tmp_path / "two/near.png").unlink()
    (tmp_path / "two/twin.png").unlink()
    completed = run("datasets/find_duplicates.py", *splits, cwd=tmp_path)
    assert completed.returncode == 0 and "unreadable (2)" in completed.stdout
