"""Reading: upright, bounded, one rule per kind of file, one line per bad file."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.images.reading import read_grey, read_header, read_image, read_mask, read_size
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.files import write_bytes_atomic, write_json_atomic, write_png_atomic
from tests.helpers.stored_images import STORED, quarters, save


@pytest.mark.parametrize("orientation", sorted(STORED))
@pytest.mark.parametrize(
    "suffix, options",
    [("png", {}), ("tif", {}), ("webp", {"lossless": True}), ("jpg", {"quality": 100, "subsampling": 0})],
)
def test_every_orientation_is_turned_upright(tmp_path, suffix, options, orientation):
    upright = quarters()
    path = save(tmp_path / f"a.{suffix}", STORED[orientation](upright), orientation, **options)
    pixels = read_image(path, "RGB")
    assert pixels.shape == upright.shape and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - upright).max() <= (3 if suffix == "jpg" else 0)
    assert read_size(path) == upright.shape[:2]
    assert read_header(path).orientation == orientation
    assert read_mask(path).shape == upright.shape[:2]


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_agrees_with_detectron2s_reader(tmp_path, orientation):
    detection_utils = pytest.importorskip("detectron2.data.detection_utils")
    noise = np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    path = save(tmp_path / "a.jpg", noise, orientation, quality=70)
    for form in ("BGR", "RGB"):
        pixels = read_image(path, form)
        np.testing.assert_array_equal(pixels, detection_utils.read_image(str(path), form))
        assert pixels.flags.c_contiguous and pixels.flags.writeable


def test_lossless_and_bgr(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    path = save(tmp_path / "a.png", rgb)
    np.testing.assert_array_equal(read_image(path), rgb[:, :, ::-1])
    np.testing.assert_array_equal(read_image(path, "RGB"), rgb)
    with pytest.raises(ValueError, match="BGR"):
        read_image(path, "YUV")


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_invalid_orientation_counts_as_upright(tmp_path, orientation):
    path = save(tmp_path / "a.jpg", quarters(), orientation)
    assert read_image(path).shape == (24, 40, 3)
    assert read_header(path).orientation == 1


def test_16_bit_grey_keeps_the_high_byte(tmp_path):
    values = np.array([[0, 255, 256, 32767], [32768, 40000, 65280, 65535]], np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
        pixels = read_image(tmp_path / name)
        assert pixels.shape == (2, 4, 3)
        np.testing.assert_array_equal(pixels[:, :, 0], values >> 8)
        np.testing.assert_array_equal(read_mask(tmp_path / name), values >= 32768)
        assert read_header(tmp_path / name).deep


def test_16_bit_colour_keeps_the_high_byte(tmp_path):
    values = np.random.default_rng(2).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), values)  # BGR
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), values >> 8)
    assert read_header(tmp_path / "a.png").deep


def test_cmyk_as_detectron2_reads_it(tmp_path):
    cmyk = np.random.default_rng(3).integers(0, 256, (16, 16, 4), dtype=np.uint8)
    Image.fromarray(cmyk, "CMYK").save(tmp_path / "a.tif")
    c, m, y, k = np.moveaxis(255 - cmyk.astype(float), 2, 0)
    expected = np.stack([c * k, m * k, y * k], axis=2) / 255
    assert np.abs(read_image(tmp_path / "a.tif", "RGB") - expected).max() <= 1
    assert read_header(tmp_path / "a.tif").mode == "CMYK"


def test_palette_alpha_grey_and_bilevel(tmp_path):
    rgb = quarters()
    palette = Image.fromarray(rgb).quantize(4, dither=Image.Dither.NONE)
    palette.save(tmp_path / "p.png")
    palette.save(tmp_path / "t.png", transparency=b"\x00\x80\xff\xff")
    np.testing.assert_array_equal(read_image(tmp_path / "p.png", "RGB"), np.array(palette.convert("RGB")))
    np.testing.assert_array_equal(read_image(tmp_path / "t.png"), read_image(tmp_path / "p.png"))

    alpha = np.dstack([rgb, np.zeros(rgb.shape[:2], np.uint8)])  # wholly transparent: the colours still count
    Image.fromarray(alpha).save(tmp_path / "rgba.png")
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.png", "RGB"), rgb)

    grey = rgb[:, :, 0]
    Image.fromarray(grey).save(tmp_path / "l.png")
    np.testing.assert_array_equal(read_image(tmp_path / "l.png"), np.dstack([grey] * 3))
    Image.fromarray(grey > 100).save(tmp_path / "1.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "1.png"), grey > 100)


@pytest.mark.parametrize("suffix, options", [("tif", {}), ("gif", {}), ("webp", {"lossless": True})])
def test_the_first_of_several_pages(tmp_path, suffix, options):
    first, second = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(first).save(path, save_all=True, append_images=[Image.fromarray(second)], **options)
    assert read_header(path).several
    assert read_image(path).max() == 0


def test_masks_by_luma(tmp_path):
    colours = np.array(
        [[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [127, 127, 127], [128, 128, 128]]], np.uint8
    )
    save(tmp_path / "m.png", colours)
    # 0.299 * 255 = 76 for pure red, 0.587 * 255 = 150 for pure green.
    assert read_mask(tmp_path / "m.png").tolist() == [[True, False, False, True, False, True]]
    assert read_grey(tmp_path / "m.png")[0, 2] == round(0.299 * 255)
    with pytest.raises(UserError, match=r"m\.png: mask is 6x1, its image 6x2"):
        read_mask(tmp_path / "m.png", (2, 6))


def test_floating_point_and_too_deep_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "f.tif")
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(UserError, match=r"f\.tif: floating-point"):
        read_image(tmp_path / "f.tif")
    with pytest.raises(UserError, match=r"i\.tif: more than 16 bits"):
        read_mask(tmp_path / "i.tif")


@pytest.mark.parametrize(
    "array",
    [
        np.array([[True, False], [False, True]]),
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.arange(6, dtype=np.uint16).reshape(2, 3) * 10_000,
        np.arange(18, dtype=np.uint8).reshape(2, 3, 3),
    ],
)
def test_png_writer_is_lossless(tmp_path, array):
    write_png_atomic(tmp_path / "new" / "a.png", array)
    stored = cv2.imread(str(tmp_path / "new" / "a.png"), cv2.IMREAD_UNCHANGED)  # BGR, by another library
    np.testing.assert_array_equal(stored, array * np.uint8(255) if array.dtype == bool else array)
    assert os.listdir(tmp_path / "new") == ["a.png"]


def test_writers_refuse_and_leave_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json_atomic(path, {"a": 1})
    with pytest.raises(ValueError):
        write_json_atomic(path, {"a": float("nan")})
    with pytest.raises(TypeError, match="float64"):
        write_png_atomic(tmp_path / "a.png", np.zeros((2, 2)))

    def full(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="a.json: cannot be written: disk full"):
        write_bytes_atomic(path, b"half")
    assert path.read_text() == '{"a":1}\n'
    assert os.listdir(tmp_path) == ["a.json"]
