"""Kinds of images: by size and by how they were saved; which cannot be judged; the quality of a JPEG file."""

import io
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.inference.image_class import ImageClass, jpeg_quality


def noise(height=96, width=128, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def jpeg(**options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(32, 48)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("subsampling", [0, 2])
def test_quality_is_what_pillow_saved_with(subsampling):
    for quality in range(30, 99):
        assert jpeg_quality(jpeg(quality=quality, subsampling=subsampling)) == quality
    assert jpeg_quality(jpeg(quality=100)) >= 99


def test_quality_of_grey_and_progressive_files_and_of_others():
    buffer = io.BytesIO()
    Image.fromarray(noise()[:, :, 0]).save(buffer, "JPEG", quality=61)
    assert jpeg_quality(buffer.getvalue()) == 61
    assert jpeg_quality(jpeg(quality=83, progressive=True)) == 83
    saved = cv2.imencode(".jpg", noise(), [cv2.IMWRITE_JPEG_QUALITY, 77])[1].tobytes()
    assert jpeg_quality(saved) == 77


def test_custom_tables_count_by_their_mean():
    """Photoshop, cameras: no standard table. The luma table's mean decides; the chroma table does not count."""
    with Image.open(io.BytesIO(jpeg(quality=80))) as image:
        standard = list(image.quantization[0])
    rng = np.random.default_rng(0)
    assert jpeg_quality(jpeg(qtables=[list(rng.permutation(standard)), [99] * 64])) == 80
    assert jpeg_quality(jpeg(qtables=[[1] * 64])) >= 98
    assert jpeg_quality(jpeg(qtables=[[255] * 64])) < 15


def test_every_source_and_the_place_in_an_open_file(tmp_path):
    content = jpeg(quality=72)
    path = tmp_path / "no_name_ending"
    path.write_bytes(content)
    assert jpeg_quality(path) == jpeg_quality(str(path)) == jpeg_quality(content) == 72
    with Image.open(path) as image:
        assert jpeg_quality(image) == 72
        image.load()
        assert jpeg_quality(image) == 72
    for data, quality in ((content, 72), (b"no image", None), (content[:40], None)):
        file = io.BytesIO(data)
        file.seek(5)
        assert jpeg_quality(file) == quality
        assert file.tell() == 5 and not file.closed


def test_what_has_no_quality(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(noise()).save(buffer, "PNG")
    assert jpeg_quality(buffer.getvalue()) is None
    assert jpeg_quality(Image.fromarray(noise())) is None
    assert jpeg_quality(Image.open(buffer)) is None
    assert jpeg_quality(tmp_path / "nowhere.jpg") is None
    content, rng = jpeg(quality=72), np.random.default_rng(0)
    for _ in range(300):  # damaged: a number, or none; never an error
        data = bytearray(content[: rng.integers(1, len(content))])
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        quality = jpeg_quality(bytes(data))
        assert quality is None or 1 <= quality <= 100


def test_large_images_bring_no_warning(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # of 1536 here
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jpeg_quality(jpeg(quality=90)) == 90


@pytest.mark.parametrize(
    "shape, quality, name",
    [
        ((500, 699), None, "below 0.35 MP, lightly compressed"),
        ((500, 700), 85, "0.35 MP or more, lightly compressed"),
        ((1000, 1499), 84, "0.35 MP or more, JPEG below quality 85"),
        ((500, 500), 70, "below 0.35 MP, JPEG below quality 85"),
    ],
)
def test_classes(shape, quality, name):
    kind = ImageClass.of(noise(*shape), quality)
    assert kind.name == name and kind.unsuitable is None


def text_page():
    page = np.full((300, 240, 3), 255, np.uint8)
    for row in range(20, 290, 18):
        cv2.putText(page, "some words of a letter", (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1)
    return page


def drawing():
    canvas = np.full((200, 300, 3), (120, 200, 90), np.uint8)
    cv2.circle(canvas, (150, 100), 40, (0, 0, 200), -1)
    return canvas


def night():
    image = np.random.default_rng(0).integers(0, 6, (200, 300, 3), dtype=np.uint8)
    image[50:90, 60:120] = noise(40, 60)
    return image


@pytest.mark.parametrize(
    "image, quality, reason",
    [
        (text_page(), None, "a drawing, a document, or mostly one tone"),
        (drawing(), None, "a drawing, a document, or mostly one tone"),
        (night(), 95, "a drawing, a document, or mostly one tone"),
        (noise(63, 500), None, "a side below 64 pixels"),
        (noise(500, 63), None, "a side below 64 pixels"),
        (noise(), 49, "saved as JPEG of quality 49, below 50"),
    ],
    ids=["text", "drawing", "night", "low", "narrow", "compressed"],
)
def test_what_cannot_be_judged(image, quality, reason):
    assert ImageClass.of(image, quality).unsuitable == reason


def test_what_can_be_judged_all_the_same():
    """Noise at the least side and quality; a smooth gradient; a photo under a white sky of half its area."""
    gradient = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None], 200, axis=0)[:, :, None].repeat(3, axis=2)
    sky = noise(200, 300)
    sky[:100] = 255
    large = np.concatenate([noise(1200, 900, 1)] * 2, axis=1)  # looked at in steps
    for image in (noise(64, 64), gradient, sky, large, np.ascontiguousarray(sky[:, ::-1])):
        assert ImageClass.of(image, 50).unsuitable is None
