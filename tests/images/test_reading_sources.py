"""What images are read from: names, bytes, open files, HEIF; sizes alone; in threads; with little memory."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from constrained_rcnn.images import opening
from constrained_rcnn.images import pixels as image_pixels
from constrained_rcnn.images.folder_listing import list_images
from constrained_rcnn.images.reading import FORMATS, read_grey, read_header, read_image, read_mask, read_size
from constrained_rcnn.utils.errors import UserError
from tests.helpers.stored_images import STORED, jpeg, quarters, save


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
    path = save(tmp_path / "a.png", STORED[6](quarters()), 6)
    data = path.read_bytes()
    offset = data.index(b"eXIf") - 4
    length = int.from_bytes(data[offset : offset + 4], "big") + 12
    moved = (
        data[:offset] + data[offset + length : -12] + data[offset : offset + length] + data[-12:]
    )  # before IEND, 12 bytes
    path.write_bytes(moved)
    assert read_size(path) == (24, 40)
    np.testing.assert_array_equal(read_image(path, "RGB"), quarters())


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
    for name, reason in (("itself.png", "symbolic links"), (".", "directory"), ("gone.png", "no such file"),
                         ("a\0.png", "no file can have this name"), ("x" * 300, "name too long"),
                         ("\ud800.png", "no file can have this name")):  # fmt: skip
        with pytest.raises(UserError, match=reason) as error:
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
        assert f"{tmp_path}/{shown}: not an image" in str(error.value)
        str(error.value).encode()  # a log or a table can hold it
        save(path, quarters())
        assert np.array_equal(read_image(path, "RGB"), quarters())


def test_bytes_open_files_and_pillows_images_are_read_by_the_same_rules(tmp_path):
    for suffix, orientation in (("jpg", 6), ("png", 8), ("tif", 3)):
        path = save(tmp_path / f"a.{suffix}", quarters(), orientation)
        expected = read_image(path)
        assert np.array_equal(read_image(path.read_bytes()), expected)
        assert np.array_equal(read_image(io.BytesIO(path.read_bytes())), expected)
        with Image.open(path) as opened:
            assert np.array_equal(read_image(opened), expected)
        with Image.open(path) as opened:
            opened.load()
            assert np.array_equal(read_image(opened), expected)
            opened.copy()  # still the caller's
    assert np.array_equal(read_image(Image.fromarray(quarters()), "RGB"), quarters())
    with pytest.raises(UserError, match="^image: not an image"):
        read_image(b"nothing of the kind")


def heif(*images, **options) -> bytes:
    """A HEIF file of nearly the given RGB or 16-bit grey arrays."""
    first, *others = [Image.fromarray(np.ascontiguousarray(p)) for p in images]
    buffer = io.BytesIO()
    first.save(buffer, "HEIF", quality=95, save_all=bool(others), append_images=others, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", sorted(STORED))
def test_heif_is_turned_as_the_file_itself_says(orientation):
    """Phones name the turn twice, in HEIF's own terms and in EXIF; it is done once."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = quarters(96, 160)
    data = heif(STORED[orientation](upright), exif=exif.tobytes())
    pixels = read_image(data, "RGB")
    assert pixels.shape == upright.shape and read_size(data) == (96, 160)
    assert np.abs(pixels.astype(int) - upright).mean() < 3
    assert not read_header(data).deep and not read_header(data).several


def test_heif_of_several_images_and_of_more_bits():
    dark, light = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    data = heif(dark, light, primary_index=1)
    assert read_header(data).several and read_image(data).min() > 250
    ramp = np.tile(np.arange(0, 65536, 512, dtype=np.uint16), (64, 1))
    data = heif(ramp)
    assert read_header(data).deep
    assert np.abs(read_image(data)[:, :, 0].astype(int) - (ramp >> 8)).max() <= 4


def test_heif_without_its_reader_says_what_to_install(monkeypatch):
    data = heif(quarters(64, 64))
    monkeypatch.setattr(opening, "FORMATS", tuple(name for name in FORMATS if name != "HEIF"))
    with pytest.raises(UserError, match=r"^image: HEIF \(HEIC\) .* pip install 'constrained_rcnn\[heif\]'"):
        read_image(data)


def test_names_and_kinds_of_sources():
    for reader in (read_image, read_grey, read_mask, read_header, read_size):
        with pytest.raises(UserError, match=r"^upload 3\\n: not an image"):
            reader(b"nothing of the kind", name="upload 3\n")
    with pytest.raises(UserError, match="^probe: mask is 40x24, its image 1x1"):
        read_mask(jpeg(), (1, 1), name="probe")
    for wrong in (None, 3, ["a.png"]):
        with pytest.raises(TypeError, match="an image is a path"):
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
    filters, barrier = list(warnings.filters), threading.Barrier(8)
    data = jpeg()

    class Together(io.BytesIO):
        """All threads are at the same step of reading, so that all are in the middle of it at once."""

        def read(self, *size):
            barrier.wait()
            return super().read(*size)

    def work(_):
        try:
            read_image(Together(data))
        except BaseException:
            barrier.abort()  # the others must not wait for this one
            raise

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert warnings.filters == filters


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_larger_than_a_block_are_turned_as_a_whole(tmp_path, suffix, orientation, monkeypatch):
    path = save(tmp_path / f"a.{suffix}", quarters(), orientation)
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
