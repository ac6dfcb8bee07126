"""Untouched photos: which files, what becomes of them, and what is recorded."""

import io
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.inference.image_class import jpeg_quality
from constrained_rcnn.inference.untouched import AS_IT_IS, VARIANTS, examine, untouched_files
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny_data import write_set


def photo(height=160, width=200, seed=0):
    """Smooth colours with a camera's noise, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(30, 220, (6, 8, 3)).astype(np.float32)
    smooth = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


class Sayer:
    """Stands for a predictor: every image's score is its height in thousandths."""

    cfg = SimpleNamespace(INPUT=SimpleNamespace(MAX_PIXELS=10**6))

    def __init__(self):
        self.seen = []

    def __call__(self, content):
        self.seen.append(content)
        pixels = np.array(Image.open(io.BytesIO(content)).convert("RGB"))
        height = pixels.shape[0]
        pair = SimpleNamespace(regions=SimpleNamespace(doubtful=height != 160))  # a doubtful one decides nothing
        copy_moves = (pair,) if height >= 160 else ()
        return SimpleNamespace(image=pixels, score=height / 1000, manipulated=height < 100, copy_moves=copy_moves)


def test_files_of_folders_and_the_authentic_ones_of_a_dataset(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/1.png", "a/b/2.jpg"):
        Image.fromarray(photo()).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    data = write_set(tmp_path / "data", "train", 9)
    assert [file.name for file in untouched_files([str(tmp_path / "a")])] == ["1.png", "2.jpg"]
    files = untouched_files([str(tmp_path / "a")], data)
    assert [file.name for file in files] == ["1.png", "2.jpg", "0.png", "4.png", "8.png"]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such folder of photos"):
        untouched_files([str(tmp_path / "nowhere")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no untouched image there"):
        untouched_files([str(tmp_path / "empty")])
    with pytest.raises(UserError, match="nowhere.json"):
        untouched_files([], str(tmp_path / "nowhere.json"))


def test_variants_are_what_their_names_say():
    image = photo()
    expected = [(75, (160, 200)), (85, (80, 100)), (90, (160, 200)), (95, (120, 150))]
    facts = {}
    for name, make in VARIANTS.items():
        content = make(image)
        pixels = np.array(Image.open(io.BytesIO(content)))[:, :, ::-1]
        facts[name] = (jpeg_quality(content), pixels.shape[:2])
        part = {"half": cv2.resize(image, (100, 80), interpolation=cv2.INTER_AREA), "cent": image[20:140, 25:175]}
        assert np.abs(pixels.astype(int) - part.get(name[:4], image)).mean() < 3, name
    assert sorted(facts.values()) == expected


def test_every_file_as_it_is_and_in_every_variant(tmp_path):
    for seed, name in enumerate(("one.png", "two.jpg")):
        Image.fromarray(photo(seed=seed)).save(tmp_path / name)
    files, passed, predictor = untouched_files([str(tmp_path)]), [], Sayer()

    def progress(items):
        for item in items:
            passed.append(item)
            yield item

    images = list(examine(predictor, files, progress=progress))
    assert passed == files
    assert [(image.file, image.variant) for image in images] == [
        (str(file), name) for file in files for name in (AS_IT_IS, *VARIANTS)
    ]
    assert predictor.seen[0] == files[0].read_bytes()  # not decoded and saved anew
    by_name = {image.variant: image for image in images[:5]}
    assert by_name["half size, JPEG 85"].score == 0.08 and by_name["half size, JPEG 85"].manipulated
    assert by_name[AS_IT_IS].copy_move and not by_name["centre, JPEG 95"].copy_move
    assert by_name["saved again, JPEG 75"].kind == "below 0.35 MP, JPEG below quality 85"
    assert {image.unsuitable for image in images} == {None}
    assert [image.variant for image in examine(Sayer(), files, variants=False)] == [AS_IT_IS] * 2


def test_small_and_unreadable_files(tmp_path):
    Image.fromarray(photo(100, 300)).save(tmp_path / "a.png")
    (image,) = examine(Sayer(), [tmp_path / "a.png"])  # half of it could not be judged
    assert image.variant == AS_IT_IS
    Image.fromarray(photo(12, 300)).save(tmp_path / "b.png")
    with pytest.raises(UserError, match="b.png: a side below 16 pixels"):
        list(examine(Sayer(), [tmp_path / "b.png"]))
    (tmp_path / "c.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match="c.jpg: not an image"):
        list(examine(Sayer(), [tmp_path / "c.jpg"]))
    Image.fromarray(photo(1001, 1000)).save(tmp_path / "d.png")
    with pytest.raises(UserError, match="d.png: 1000x1001 is more than 1000000 pixels"):
        list(examine(Sayer(), [tmp_path / "d.png"]))
