"""Reading: upright, bounded, one rule per kind of file, one line per bad file."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from constrained_rcnn.images import opening
from constrained_rcnn.images import pixels as image_pixels
from constrained_rcnn.images import reading as image_io
from constrained_rcnn.images.folder_listing import list_images
from constrained_rcnn.images.reading import read_grey, read_header, read_image, read_mask, read_size
from constrained_rcnn.utils.errors import OutputError, UserError
from constrained_rcnn.utils.files import write_bytes_atomic, write_json_atomic, write_png_atomic
from tests.helpers.fuzz_images import seeds

# What a camera stores for each EXIF value, as an array operation on the upright picture (EXIF 2.3, tag
# 0x0112).
STORED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: np.rot90,
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 3),
}


def picture(height=24, width=40) -> np.ndarray:
    """RGB of four unlike quarters, so that no turn of it looks like another one."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = 250, 10, 20
    rgb[: height // 2, width // 2 :] = 20, 240, 30
    rgb[height // 2 :, : width // 2] = 30, 20, 230
    return rgb


def save(path, array, orientation=1, **options):
    image = Image.fromarray(np.ascontiguousarray(array))
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    image.save(path, exif=exif, **options)
    return path


@pytest.mark.parametrize("orientation", sorted(STORED))
@pytest.mark.parametrize(
    "suffix, options",
    [("png", {}), ("tif", {}), ("webp", {"lossless": True}), ("jpg", {"quality": 100, "subsampling": 0})],
)
def test_every_orientation_is_turned_upright(tmp_path, suffix, options, orientation):
    upright = picture()
    path = save(tmp_path / f"a.{suffix}", STORED[orientation](upright), orientation, **options)
    read = read_image(path, "RGB")
    assert read.shape == upright.shape and read.dtype == np.uint8
    assert np.abs(read.astype(int) - upright).max() <= (3 if suffix == "jpg" else 0)
    assert read_size(path) == upright.shape[:2]
    assert read_header(path).orientation == orientation
    assert read_mask(path).shape == upright.shape[:2]


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_agrees_with_detectron2s_reader(tmp_path, orientation):
    detection_utils = pytest.importorskip("detectron2.data.detection_utils")
    noise = np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8)
    path = save(tmp_path / "a.jpg", noise, orientation, quality=70)
    for form in ("BGR", "RGB"):
        ours = read_image(path, form)
        np.testing.assert_array_equal(ours, detection_utils.read_image(str(path), form))
        assert ours.flags.c_contiguous and ours.flags.writeable


def test_lossless_and_bgr(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (31, 17, 3), dtype=np.uint8)
    path = save(tmp_path / "a.png", rgb)
    np.testing.assert_array_equal(read_image(path), rgb[:, :, ::-1])
    np.testing.assert_array_equal(read_image(path, "RGB"), rgb)
    with pytest.raises(ValueError, match="BGR"):
        read_image(path, "YUV")


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_invalid_orientation_counts_as_upright(tmp_path, orientation):
    path = save(tmp_path / "a.jpg", picture(), orientation)
    assert read_image(path).shape == (24, 40, 3)
    assert read_header(path).orientation == 1


def test_16_bit_grey_keeps_the_high_byte(tmp_path):
    values = np.array([[0, 255, 256, 32767], [32768, 40000, 65280, 65535]], np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(values).save(tmp_path / name)
        read = read_image(tmp_path / name)
        assert read.shape == (2, 4, 3)
        np.testing.assert_array_equal(read[:, :, 0], values >> 8)
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
    rgb = picture()
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


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "gif", "webp"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.8])
def test_truncated_files_are_one_line(tmp_path, suffix, keep):
    noise = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(UserError, match=rf"a\.{suffix}: ") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_random_damage_never_raises_anything_else(tmp_path):
    rng = np.random.default_rng(5)
    for suffix in ("jpg", "png", "tif", "bmp", "gif", "webp"):
        path = save(tmp_path / f"a.{suffix}", picture(), 6)
        good = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            bad = good.copy()
            bad[rng.integers(0, len(bad), 12)] = rng.integers(0, 256, 12)
            path.write_bytes(bad.tobytes())
            for read in (read_image, read_mask, read_header):
                try:
                    read(path)
                except UserError as error:
                    assert "\n" not in str(error)


def test_missing_folder_and_text(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    for path, words in (
        (tmp_path / "none.png", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "text.png", "not a picture"),
    ):
        for read in (read_image, read_mask, read_size):
            with pytest.raises(UserError, match=words):
                read(path)


def bomb(path, width, height):
    """A PNG whose header claims a size that its data does not have."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    return path


@pytest.mark.filterwarnings("error")
def test_bombs_are_refused_before_decoding(tmp_path):
    for size in ((12_000, 12_000), (60_000, 60_000)):
        for read in (read_image, read_mask, read_size):
            with pytest.raises(UserError, match="pixels"):
                read(bomb(tmp_path / "b.png", *size))
    path = save(tmp_path / "a.png", picture())
    with pytest.raises(UserError, match="40x24 is more than 959 pixels"):
        read_image(path, max_pixels=959)
    assert read_image(path, max_pixels=960).shape == (24, 40, 3)


@pytest.mark.parametrize("suffix, options", [("png", {}), ("jpg", {}), ("webp", {}), ("bmp", {})])
@pytest.mark.parametrize("orientation", [1, 6])
def test_size_without_decoding(tmp_path, suffix, options, orientation):
    noise = np.random.default_rng(6).integers(0, 256, (90, 60, 3), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise, orientation if suffix != "bmp" else 1, **options)
    data = path.read_bytes()
    if suffix != "webp":  # (its reader wants the whole file at once)
        path.write_bytes(data[: len(data) // 4])  # most pixels are gone
        with pytest.raises(UserError):
            read_image(path)
    turned = orientation == 6 and suffix != "bmp"
    assert read_size(path) == ((60, 90) if turned else (90, 60))


def test_exif_behind_the_pixels_of_a_png_counts(tmp_path):
    path = save(tmp_path / "a.png", STORED[6](picture()), 6)
    data = path.read_bytes()
    at = data.index(b"eXIf") - 4
    length = int.from_bytes(data[at : at + 4], "big") + 12
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]  # before IEND, 12 bytes
    path.write_bytes(moved)
    assert read_size(path) == (24, 40)
    np.testing.assert_array_equal(read_image(path, "RGB"), picture())


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


def test_pipes_sockets_and_devices_are_passed_over_and_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    assert list_images(tmp_path) == []
    for name in ("pipe.png", "socket.png", "zero.png"):
        with pytest.raises(UserError, match=f"{name}: not a regular file"):
            read_image(tmp_path / name)  # a pipe would wait for ever for somebody to write
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    for name, why in (("itself.png", "symbolic links"), (".", "directory"), ("a\0.png", "no file can have this name"),
                      ("x" * 300, "name too long"), ("\ud800.png", "no file can have this name"),
                      ("gone.png", "no such file")):  # fmt: skip
        with pytest.raises(UserError, match=why) as error:
            read_image(name)
        str(error.value).encode()


def test_names_stay_on_one_line(tmp_path):
    for name, shown in (
        (b"two\nlines.png", "two\\nlines.png"),
        (b"\xff\xfe.png", "\\xff\\xfe.png"),
        (b"\x1b[2Jgone.png", "\\x1b[2Jgone.png"),
        ("\u202egnp.exe.png".encode(), "\\u202egnp.exe.png"),
        ("Ünal.png".encode(), "Ünal.png"),
    ):
        path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
        path.write_bytes(b"nothing of the kind")
        assert path in list_images(tmp_path)
        with pytest.raises(UserError) as error:
            read_image(path)
        assert f"{tmp_path}/{shown}: not a picture" in str(error.value)
        str(error.value).encode()  # a log or a table can hold it
        save(path, picture())
        assert np.array_equal(read_image(path, "RGB"), picture())


def test_bytes_open_files_and_pillows_images_are_read_by_the_same_rules(tmp_path):
    for suffix, orientation in (("jpg", 6), ("png", 8), ("tif", 3)):
        path = save(tmp_path / f"a.{suffix}", picture(), orientation)
        expected = read_image(path)
        assert np.array_equal(read_image(path.read_bytes()), expected)
        assert np.array_equal(read_image(io.BytesIO(path.read_bytes())), expected)
        with Image.open(path) as opened:
            assert np.array_equal(read_image(opened), expected)
        with Image.open(path) as opened:
            opened.load()
            assert np.array_equal(read_image(opened), expected)
            opened.copy()  # still the caller's
    assert np.array_equal(read_image(Image.fromarray(picture()), "RGB"), picture())
    with pytest.raises(UserError, match="^image: not a picture"):
        read_image(b"nothing of the kind")


def heif(*pictures, **options) -> bytes:
    """A HEIF file of nearly the given RGB or 16-bit grey arrays."""
    first, *others = [Image.fromarray(np.ascontiguousarray(p)) for p in pictures]
    buffer = io.BytesIO()
    first.save(buffer, "HEIF", quality=95, save_all=bool(others), append_images=others, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", sorted(STORED))
def test_heif_is_turned_as_the_file_itself_says(orientation):
    """Phones name the turn twice, in HEIF's own terms and in EXIF; it is done once."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = picture(96, 160)
    data = heif(STORED[orientation](upright), exif=exif.tobytes())
    read = read_image(data, "RGB")
    assert read.shape == upright.shape and read_size(data) == (96, 160)
    assert np.abs(read.astype(int) - upright).mean() < 3
    assert not read_header(data).deep and not read_header(data).several


def test_heif_of_several_pictures_and_of_more_bits():
    dark, light = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    data = heif(dark, light, primary_index=1)
    assert read_header(data).several and read_image(data).min() > 250
    ramp = np.tile(np.arange(0, 65536, 512, dtype=np.uint16), (64, 1))
    data = heif(ramp)
    assert read_header(data).deep
    assert np.abs(read_image(data)[:, :, 0].astype(int) - (ramp >> 8)).max() <= 4


def test_heif_without_its_reader_says_what_to_install(monkeypatch):
    data = heif(picture(64, 64))
    monkeypatch.setattr(opening, "FORMATS", tuple(name for name in image_io.FORMATS if name != "HEIF"))
    with pytest.raises(UserError, match=r"^image: HEIF \(HEIC\) .* pip install 'constrained_rcnn\[heif\]'"):
        read_image(data)


def test_other_formats_and_polyglots(tmp_path):
    with pytest.raises(UserError, match="format that is not read"):
        read_image(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    data = save(tmp_path / "a.png", picture()).read_bytes()
    assert np.array_equal(read_image(data + b"<script>alert(1)</script>PK\x03\x04"), read_image(data))


def jpeg(**options):
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_a_jpeg_of_too_many_scans_is_refused():
    data = jpeg(progressive=True)
    assert read_image(data).shape[2] == 3
    start = data.rindex(b"\xff\xda")
    with pytest.raises(UserError, match="more than 100 scans"):
        read_image(data[:start] + data[start:-2] * 250 + data[-2:])


def test_scans_are_those_of_the_picture_alone():
    """Phones append videos, which hold the marker's bytes by chance; thumbnails and comments hold it, too."""
    data = jpeg(comment=b"\xff\xda" * 1000)
    expected = read_image(jpeg())
    assert np.array_equal(read_image(data), expected)
    assert np.array_equal(read_image(data + b"\xff\xda\0\2" * 1000), expected)
    with Image.open(io.BytesIO(data + b"\xff\xda" * 1000)) as opened:
        assert np.array_equal(read_image(opened), expected)


def png_of(*chunks):
    """A PNG with these chunks, of no data, before its pixels and after."""
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "PNG")
    data = buffer.getvalue()
    extra = b"".join(b"\0\0\0\0" + kind + zlib.crc32(kind).to_bytes(4, "big") for kind in chunks)
    return data[:33] + extra + data[33:-12], extra + data[-12:]


@pytest.mark.parametrize("make", [
    lambda: b"".join(png_of(*[b"abCd"] * 100_001)),
    lambda: png_of()[0] + png_of(*[b"tEXt"] * 100_001)[1],
    lambda: jpeg()[:2] + b"\xff\xfe\0\2" * 100_001 + jpeg()[2:],
    lambda: jpeg()[:2] + b"\xff\x01" * 100_001 + jpeg()[2:],
])  # fmt: skip
def test_files_of_too_many_parts_are_refused(make):
    for read in (read_image, read_header):
        with pytest.raises(UserError, match="more than 100000 parts"):
            read(make())


def tiff(tags, data=b""):
    """A TIFF of 16x16 grey pixels with these tags, (tag, type, count, value), ``data`` behind its directory."""
    base = {256: (4, 1, 16), 257: (4, 1, 16), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 277: (3, 1, 1)}
    entries = sorted({**base, **{tag: rest for tag, *rest in tags}}.items())
    behind = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHLL", tag, kind, count, behind if value is None else value)
        for tag, (kind, count, value) in entries
    )
    return b"II*\0" + struct.pack("<LH", 8, len(entries)) + directory + b"\0\0\0\0" + data


def test_tiff_of_too_many_strips_or_numbers_is_refused():
    """Pillow makes Python objects of them, whatever the size of the picture."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    good = tiff([(273, 4, 1, None), (278, 4, 1, 16), (279, 4, 1, 256)], grey.tobytes())
    assert np.array_equal(read_grey(good), grey)
    many = 100_001
    for bad in (
        [(273, 1, many, None), (278, 4, 1, 1)],  # strips at offsets of a byte each
        [(324, 3, many, None), (322, 4, 1, 1), (323, 4, 1, 1)],
        [(273, 4, 1, 8), (282, 5, many, None)],  # a resolution of fractions
        [(273, 4, 1, 8), (274, 3, many, None)],
        [(273, 4, 1, 8), (34675, 5, many, None)],
    ):
        for read in (read_image, read_header):
            with pytest.raises(UserError, match="more than 100000 parts"):
                read(tiff(bad, b"\1" * 8 * many))
    profile = tiff([(273, 4, 1, 8), (34675, 7, many, None)], b"\0" * many)
    assert read_grey(profile).shape == (16, 16)  # bytes may be many
    big = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, many) + struct.pack("<HHQQ", 256, 4, 1, 16) * many
    with pytest.raises(UserError, match="more than 100000 parts"):
        read_image(big)


def test_tiff_of_tiles_larger_than_a_picture_is_refused():
    tags = [(259, 3, 1, 8), (322, 4, 1, 1 << 15), (323, 4, 1, 1 << 14), (324, 4, 1, None), (325, 4, 1, 1000)]
    with pytest.raises(UserError, match="tiles of more than"):
        read_image(tiff(tags, zlib.compress(bytes(1 << 20))))


def gif():
    buffer = io.BytesIO()
    Image.fromarray(picture()).quantize(8).save(buffer, "GIF")
    return buffer.getvalue()


@pytest.mark.parametrize("extra", [b"!\xfe" + b"\1x" * 1_000_001 + b"\0", b"!\xfe\0" * 1_000_001, bytes(1_000_001)])
def test_gif_of_too_many_blocks_is_refused(extra):
    data = gif()
    start = 13 + (3 << ((data[10] & 7) + 1))
    assert data[10] & 0x80 and data[start : start + 1] in b"!,"
    few = data[:start] + extra[:2] + b"\1x" * 1000 + b"\0" + data[start:]
    if extra.startswith(b"!\xfe\1"):
        assert np.array_equal(read_image(few), read_image(data))
    for bad in (data[:start] + extra + data[start:], data[:-1] + extra + data[-1:]):
        for read in (read_image, read_header):
            with pytest.raises(UserError, match="more than 1000000 parts"):
                read(bad)


@pytest.mark.skipif("JPEG2000" not in image_io.FORMATS, reason="this Pillow reads no JPEG 2000")
@pytest.mark.parametrize("wrapped", [True, False])
def test_jpeg_2000_of_too_many_parts_is_refused(wrapped):
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "JPEG2000", no_jp2=not wrapped)
    data = buffer.getvalue()
    assert read_image(data).shape == (24, 40, 3)
    if wrapped:
        at = data.index(b"jp2h")
        made = [data[:at - 4] + b"\0\0\0\x08free" * 100_001 + data[at - 4:],
                b"".join((data[:at + 4], b"\0\0\0\x08free" * 100_001, data[at + 4:]))]  # fmt: skip
    else:
        at = 4 + int.from_bytes(data[4:6], "big")  # behind the size
        made = [data[:at] + b"\xff\x30\0\2" * 100_001 + data[at:]]
    for bad in made:
        with pytest.raises(UserError, match="more than 100000 parts"):
            read_image(bad)


def test_exif_is_bounded():
    """Pillow joins a JPEG's segments, at a cost that grows with the square, and numbers become Python objects."""
    data, block = jpeg(), b"Exif\0\0" + b"MM\0*\0\0\0\x08\0\0" + bytes(65000)
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    assert np.array_equal(read_image(data[:2] + segment * 3 + data[2:]), read_image(data))
    bad = [data[:2] + segment * 17 + data[2:]]
    for form in ("PNG", "WEBP", "AVIF"):
        if form in image_io.FORMATS:
            buffer = io.BytesIO()
            Image.fromarray(picture()).save(buffer, form, exif=b"Exif\0\0" + block[6:] + bytes(1 << 20))
            bad.append(buffer.getvalue())
    for file in bad:
        with pytest.raises(UserError, match="more than 1 MiB of EXIF"):
            read_header(file)


def test_a_large_bmp_with_run_lengths_is_refused():
    def bmp(width, height, data):
        header = struct.pack("<LllHHLLllLL", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
        colours = bytes(1024)
        return b"BM" + struct.pack("<LLL", 54 + 1024 + len(data), 0, 54 + 1024) + header + colours + data

    assert read_grey(bmp(16, 2, b"\x10\0\0\0\x10\0\0\1")).shape == (2, 16)
    for bad in (bmp(5000, 5000, b"\0\0" * 5000 + b"\0\1"), bmp(16, 2, bytes(1 << 25))):
        with pytest.raises(UserError, match="a BMP with run lengths"):
            read_image(bad)


def test_pnm_is_of_bytes_with_a_short_header():
    pixels = picture()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PPM")
    assert np.array_equal(read_image(buffer.getvalue(), "RGB"), pixels)
    commented = b"P6 # a camera\n# its owner\n40 24\n255\n" + pixels.tobytes()
    assert np.array_equal(read_image(commented, "RGB"), pixels)
    assert read_grey(b"P4\n8 2\n\x0f\xf0").tolist() == [[255] * 4 + [0] * 4, [0] * 4 + [255] * 4]
    for data in (
        b"P1 100 100\n" + b"#\n" * 1_000_000,  # Pillow's time grows with the square of their number
        b"P3 1 1 255\n1 2 3",
        b"P6" + b" " * 5000 + b"40 24 255\n" + pixels.tobytes(),
        b"Pf 1 1 -1.0\n\0\0\0\0",
    ):
        with pytest.raises(UserError, match="image: a PNM of text"):
            read_image(data)


@pytest.mark.parametrize("index", range(len(seeds())))
def test_a_file_that_ends_early_is_refused_or_lacks_nothing(index):
    """Of every format; what may be missing is metadata, the next frame or a checksum behind the pixels."""
    data = seeds()[index]
    expected, refused = read_image(data), 0
    for length in np.linspace(1, len(data) - 1, 40).astype(int):
        try:
            assert np.array_equal(read_image(data[:length]), expected)
        except UserError:
            refused += 1
    assert refused > 10


def test_what_follows_the_end_of_a_png_is_not_looked_at():
    data = b"".join(png_of())
    assert np.array_equal(read_image(data + png_of(*[b"tEXt"] * 100_001)[1]), read_image(data))


def test_a_file_that_is_huge_on_disk_is_refused(tmp_path):
    for name, head in (("a.webp", b"RIFF\xff\xff\xff\x7fWEBPVP8 "), ("a.jpg", b"\xff\xd8")):
        with open(tmp_path / name, "wb") as file:
            file.write(head)
            file.truncate(1 << 40)  # a hole, which takes no room
        with pytest.raises(UserError, match="more than 2 GiB"):
            read_image(tmp_path / name)


def test_names_and_kinds_of_sources():
    for read in (read_image, read_grey, read_mask, read_header, read_size):
        with pytest.raises(UserError, match=r"^upload 3\\n: not a picture"):
            read(b"nothing of the kind", name="upload 3\n")
    with pytest.raises(UserError, match="^probe: mask is 40x24, its image 1x1"):
        read_mask(jpeg(), (1, 1), name="probe")
    for wrong in (None, 3, ["a.png"]):
        with pytest.raises(TypeError, match="a picture is a path"):
            read_image(wrong)


def test_open_files_stay_open_and_are_read_from_their_start(tmp_path):
    data = jpeg()
    file = io.BytesIO(data)
    file.seek(100)
    assert np.array_equal(read_image(file), read_image(data))
    assert not file.closed
    reading, writing = os.pipe()
    with open(reading, "rb") as stream, open(writing, "wb") as other:
        other.write(data)
        other.close()
        assert np.array_equal(read_image(stream), read_image(data))


def test_warnings_are_as_before_after_reading_in_threads():
    """Python's own way of silencing them forgets what was there when several threads use it at once."""
    before, barrier = list(warnings.filters), threading.Barrier(8)
    data = jpeg()

    class Slow(io.BytesIO):
        def read(self, *size):
            time.sleep(0.0005)
            return super().read(*size)

    def work(_):
        barrier.wait()
        for _ in range(5):
            read_image(Slow(data))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert warnings.filters == before


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_larger_than_a_block_are_turned_as_a_whole(tmp_path, suffix, orientation, monkeypatch):
    path = save(tmp_path / f"a.{suffix}", picture(), orientation)
    expected = read_image(path)
    monkeypatch.setattr(image_pixels, "BLOCK", 13)
    assert np.array_equal(read_image(path), expected)
    with Image.open(path) as opened:
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(opened))[:, :, ::-1], expected)


def test_reading_needs_little_more_than_the_pixels(tmp_path):
    """Pillow's memory is not NumPy's, so that only ours is seen: three bytes per pixel and a block."""
    path = save(tmp_path / "a.png", np.zeros((3000, 1000, 3), np.uint8))
    tracemalloc.start()
    read_image(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 9e6 < peak < 15e6


def test_data_modules_load_neither_torch_nor_detectron2():
    code = (
        "import sys\n"
        "import constrained_rcnn.apps.prepare.run, constrained_rcnn.data.annotation_format\n"
        "bad = {'torch', 'detectron2', 'matplotlib'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
