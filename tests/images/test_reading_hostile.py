"""Damaged files, bombs and files of too many parts: one line each, before anything is decoded."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.images.reading import FORMATS, read_grey, read_header, read_image, read_mask, read_size
from constrained_rcnn.utils.errors import UserError
from tests.helpers.fuzz_images import seeds
from tests.helpers.stored_images import jpeg, quarters, save


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "gif", "webp"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.8])
def test_truncated_files_are_one_line(tmp_path, suffix, keep):
    noise = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(UserError, match=rf"a\.{suffix}: ") as error:
        read_image(path)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
def test_random_damage_never_raises_anything_else(tmp_path):
    rng = np.random.default_rng(5)
    for suffix in ("jpg", "png", "tif", "bmp", "gif", "webp"):
        path = save(tmp_path / f"a.{suffix}", quarters(), 6)
        intact = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = intact.copy()
            damaged[rng.integers(0, len(damaged), 12)] = rng.integers(0, 256, 12)
            path.write_bytes(damaged.tobytes())
            for reader in (read_image, read_mask, read_header):
                try:
                    reader(path)
                except UserError as error:
                    assert "\n" not in str(error)


def test_missing_folder_and_text(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    for path, words in (
        (tmp_path / "none.png", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "text.png", "not an image"),
    ):
        for reader in (read_image, read_mask, read_size):
            with pytest.raises(UserError, match=words):
                reader(path)


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
        for reader in (read_image, read_mask, read_size):
            with pytest.raises(UserError, match="pixels"):
                reader(bomb(tmp_path / "b.png", *size))
    path = save(tmp_path / "a.png", quarters())
    with pytest.raises(UserError, match="40x24 is more than 959 pixels"):
        read_image(path, max_pixels=959)
    assert read_image(path, max_pixels=960).shape == (24, 40, 3)


def test_other_formats_and_polyglots(tmp_path):
    with pytest.raises(UserError, match="format that is not read"):
        read_image(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    data = save(tmp_path / "a.png", quarters()).read_bytes()
    assert np.array_equal(read_image(data + b"<script>alert(1)</script>PK\x03\x04"), read_image(data))


def test_a_jpeg_of_too_many_scans_is_refused():
    data = jpeg(progressive=True)
    assert read_image(data).shape[2] == 3
    start = data.rindex(b"\xff\xda")
    with pytest.raises(UserError, match="more than 100 scans"):
        read_image(data[:start] + data[start:-2] * 250 + data[-2:])


def test_scans_are_those_of_the_image_alone():
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
    Image.fromarray(quarters()).save(buffer, "PNG")
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
    for reader in (read_image, read_header):
        with pytest.raises(UserError, match="more than 100000 parts"):
            reader(make())


def tiff(tags, data=b""):
    """A TIFF of 16x16 grey pixels with these tags, (tag, type, count, value), ``data`` behind its directory."""
    base = {256: (4, 1, 16), 257: (4, 1, 16), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 277: (3, 1, 1)}
    entries = sorted({**base, **{tag: fields for tag, *fields in tags}}.items())
    data_offset = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHLL", tag, kind, count, data_offset if value is None else value)
        for tag, (kind, count, value) in entries
    )
    return b"II*\0" + struct.pack("<LH", 8, len(entries)) + directory + b"\0\0\0\0" + data


def test_tiff_of_too_many_strips_or_numbers_is_refused():
    """Pillow makes Python objects of them, whatever the size of the image."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    valid = tiff([(273, 4, 1, None), (278, 4, 1, 16), (279, 4, 1, 256)], grey.tobytes())
    assert np.array_equal(read_grey(valid), grey)
    count = 100_001
    for bad in (
        [(273, 1, count, None), (278, 4, 1, 1)],  # strips at offsets of a byte each
        [(324, 3, count, None), (322, 4, 1, 1), (323, 4, 1, 1)],
        [(273, 4, 1, 8), (282, 5, count, None)],  # a resolution of fractions
        [(273, 4, 1, 8), (274, 3, count, None)],
        [(273, 4, 1, 8), (34675, 5, count, None)],
    ):
        for reader in (read_image, read_header):
            with pytest.raises(UserError, match="more than 100000 parts"):
                reader(tiff(bad, b"\1" * 8 * count))
    profile = tiff([(273, 4, 1, 8), (34675, 7, count, None)], b"\0" * count)
    assert read_grey(profile).shape == (16, 16)  # bytes may be many
    bigtiff = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, count) + struct.pack("<HHQQ", 256, 4, 1, 16) * count
    with pytest.raises(UserError, match="more than 100000 parts"):
        read_image(bigtiff)


def test_tiff_of_tiles_larger_than_an_image_is_refused():
    tags = [(259, 3, 1, 8), (322, 4, 1, 1 << 15), (323, 4, 1, 1 << 14), (324, 4, 1, None), (325, 4, 1, 1000)]
    with pytest.raises(UserError, match="tiles of more than"):
        read_image(tiff(tags, zlib.compress(bytes(1 << 20))))


def gif():
    buffer = io.BytesIO()
    Image.fromarray(quarters()).quantize(8).save(buffer, "GIF")
    return buffer.getvalue()


@pytest.mark.parametrize("extra", [b"!\xfe" + b"\1x" * 1_000_001 + b"\0", b"!\xfe\0" * 1_000_001, bytes(1_000_001)])
def test_gif_of_too_many_blocks_is_refused(extra):
    data = gif()
    start = 13 + (3 << ((data[10] & 7) + 1))
    assert data[10] & 0x80 and data[start : start + 1] in b"!,"
    image = data[:start] + extra[:2] + b"\1x" * 1000 + b"\0" + data[start:]
    if extra.startswith(b"!\xfe\1"):
        assert np.array_equal(read_image(image), read_image(data))
    for bad in (data[:start] + extra + data[start:], data[:-1] + extra + data[-1:]):
        for reader in (read_image, read_header):
            with pytest.raises(UserError, match="more than 1000000 parts"):
                reader(bad)


@pytest.mark.skipif("JPEG2000" not in FORMATS, reason="this Pillow reads no JPEG 2000")
@pytest.mark.parametrize("wrapped", [True, False])
def test_jpeg_2000_of_too_many_parts_is_refused(wrapped):
    buffer = io.BytesIO()
    Image.fromarray(quarters()).save(buffer, "JPEG2000", no_jp2=not wrapped)
    data = buffer.getvalue()
    assert read_image(data).shape == (24, 40, 3)
    if wrapped:
        offset = data.index(b"jp2h")
        files = [data[:offset - 4] + b"\0\0\0\x08free" * 100_001 + data[offset - 4:],
                b"".join((data[:offset + 4], b"\0\0\0\x08free" * 100_001, data[offset + 4:]))]  # fmt: skip
    else:
        offset = 4 + int.from_bytes(data[4:6], "big")  # behind the size
        files = [data[:offset] + b"\xff\x30\0\2" * 100_001 + data[offset:]]
    for file in files:
        with pytest.raises(UserError, match="more than 100000 parts"):
            read_image(file)


def test_exif_is_bounded():
    """Pillow joins a JPEG's segments, at a cost that grows with the square, and numbers become Python objects."""
    data, block = jpeg(), b"Exif\0\0" + b"MM\0*\0\0\0\x08\0\0" + bytes(65000)
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    assert np.array_equal(read_image(data[:2] + segment * 3 + data[2:]), read_image(data))
    bad = [data[:2] + segment * 17 + data[2:]]
    for form in ("PNG", "WEBP", "AVIF"):
        if form in FORMATS:
            buffer = io.BytesIO()
            Image.fromarray(quarters()).save(buffer, form, exif=b"Exif\0\0" + block[6:] + bytes(1 << 20))
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
    pixels = quarters()
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
