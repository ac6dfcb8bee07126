"""Files that are whole are read though a decoder would not, and nothing else is."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from constrained_rcnn.images.reading import load_image, read_header, read_image
from constrained_rcnn.utils.errors import UserError


def photo(height=40, width=60) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).normal(0, 8, (height, width, 3))
    return np.clip(np.dstack([4 * x, 5 * y, 2 * x + 2 * y]) + noise, 0, 255).astype(np.uint8)


def saved(array, kind, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


JPEGS = [
    saved(array, "JPEG", quality=quality, **options)
    for array in (photo(), photo(39, 53)[:, :, 0])
    for quality in (40, 90)
    for options in ({}, {"progressive": True}, {"optimize": True}, {"subsampling": 0})
]


@pytest.mark.parametrize("data", JPEGS)
def test_a_jpeg_that_lacks_only_its_end_marker_is_read(data):
    expected = read_image(data)
    for cut in (data[:-2], data[:-1], data[:-2] + bytes(500)):  # also with room that was never written
        pixels, reading = load_image(cut)
        assert np.array_equal(pixels, expected)
        assert reading.changes["repaired"] == "end marker missing, the image is complete"
        assert read_header(cut).size == expected.shape[:2]


@pytest.mark.parametrize("data", JPEGS)
def test_a_jpeg_that_lacks_more_is_not(data):
    for cut in (3, 4, 6, 20, len(data) // 3):
        for filling in (b"", bytes(2 * len(data)), b"\xff" * 300):
            with pytest.raises(UserError, match="damaged or truncated"):
                read_image(data[:-cut] + filling)


def test_a_progressive_jpeg_that_ends_between_two_scans_is_not_whole():
    data = saved(photo(), "JPEG", progressive=True)
    with pytest.raises(UserError, match="damaged or truncated"):
        read_image(data[: data.rindex(b"\xff\xda")])


def png(text, **options) -> bytes:
    info = PngInfo()
    text(info)
    return saved(photo(), "PNG", pnginfo=info, **options)


MUCH = "x" * 3_000_000


@pytest.mark.parametrize("text", [
    lambda info: info.add_text("comment", MUCH, zip=True),
    lambda info: info.add_itxt("comment", MUCH, zip=True),
    lambda info: [info.add_text(f"c{number}", "x" * 1_000_000) for number in range(70)],
    lambda info: [info.add_text(f"c{number}", "x" * 1_000_000, zip=True) for number in range(70)],
])  # fmt: skip
def test_a_png_with_much_text_is_read_without_it(text):
    pixels, reading = load_image(png(text), "RGB")
    assert np.array_equal(pixels, photo())
    assert "more than 1 MiB of text or profile, passed over" in reading.changes["metadata"]


def test_a_png_is_not_damaged_where_only_its_metadata_are():
    intact = saved(photo(), "PNG")
    for kind, body in ((b"tEXt", b"a\0b"), (b"gAMA", b"\0\0\xb1\x8f"), (b"unKn", b"")):
        chunk = len(body).to_bytes(4, "big") + kind + body + b"\0\0\0\0"
        pixels, reading = load_image(intact[:33] + chunk + intact[33:], "RGB")
        assert np.array_equal(pixels, photo()) and "damaged metadata" in reading.changes["metadata"]
    critical = bytearray(intact)
    critical[30] ^= 1  # in the header's checksum
    with pytest.raises(UserError, match="damaged"):
        load_image(bytes(critical))


def test_a_png_with_a_large_profile_is_read_without_it():
    for size in (1 << 19, 1 << 21):
        pixels, reading = load_image(saved(photo(), "PNG", icc_profile=bytes(size)), "RGB")
        assert np.array_equal(pixels, photo())
        assert ("metadata" in reading.changes) == (size > 1 << 20)


@pytest.mark.parametrize(("length", "packed"), [(10, True), (3_000_000, True), (3_000_000, False)])
def test_the_orientation_of_a_png_survives_its_text(length, packed):
    def text(info):
        info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>' + "y" * length, zip=packed)
        info.add_text("comment", MUCH, zip=True)

    assert np.array_equal(read_image(png(text), "RGB"), np.rot90(photo(), -1))


def test_a_text_that_unpacks_to_much_costs_little_memory():
    data = png(lambda info: info.add_text("comment", "x" * (100 << 20), zip=True))
    tracemalloc.start()
    assert np.array_equal(read_image(data, "RGB"), photo())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 << 20


def bmp(bits, masks, compression=3, from_top=False) -> bytes:
    rgb = photo()
    height, width = rgb.shape[:2]
    words = np.zeros((height, width), np.uint64)
    for channel, mask in enumerate(masks):
        shift = (mask & -mask).bit_length() - 1
        values = rgb[:, :, channel].astype(np.uint64) if channel < 3 else np.full((height, width), 255, np.uint64)
        words |= ((values * (mask >> shift) + 127) // 255) << shift
    rows = words.astype("<u2" if bits == 16 else "<u4")[:: 1 if from_top else -1]
    body = b"".join(row.tobytes() + bytes(-len(row.tobytes()) % 4) for row in rows)
    start = 54 + 4 * len(masks)
    sizes = struct.pack("<LllHHLLllLL", 40, width, -height if from_top else height, 1, bits, compression, len(body),
                        0, 0, 0, 0)  # fmt: skip
    head = b"BM" + struct.pack("<LLL", start + len(body), 0, start) + sizes
    return head + struct.pack(f"<{len(masks)}L", *masks) + body


@pytest.mark.parametrize("from_top", [False, True])
@pytest.mark.parametrize(("bits", "masks", "compression", "loss"), [
    (16, (0xF00, 0xF0, 0xF), 3, 9),
    (16, (0xF00, 0xF0, 0xF, 0xF000), 6, 9),
    (32, (0x3FF00000, 0xFFC00, 0x3FF), 3, 0),
    (32, (0xFF, 0xFF00, 0xFF0000), 3, 0),
    (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 6, 0),
    (16, (0xF800, 0x7E0, 0x1F), 3, 8),
])  # fmt: skip
def test_bmp_of_any_bit_fields(bits, masks, compression, loss, from_top):
    data = bmp(bits, masks, compression, from_top)
    pixels, reading = load_image(data, "RGB")
    assert np.abs(pixels.astype(int) - photo()).max() <= loss
    if masks[0] != 0xF800:  # which Pillow knows
        assert reading.changes["layout"].startswith("bit fields of ")
    with pytest.raises(UserError, match="damaged or truncated"):
        read_image(data[:-60])
    with pytest.raises(UserError, match="more than 2399 pixels"):
        read_image(data, max_pixels=2399)


def test_bmp_fields_that_make_no_sense_are_a_kind_that_is_not_read():
    for masks in ((0xF0F, 0xF0, 0xF000), (0, 0xF0, 0xF), (0xF0000, 0xF0, 0xF)):
        with pytest.raises(UserError, match="BMP of a kind that is not read"):
            read_image(bmp(16, (0xF00, 0xF0, 0xF))[:54] + struct.pack("<3L", *masks) + bytes(9000))


def big_tiff(pages, *, offset=None) -> bytes:
    """A BigTIFF in big-endian order of RGB arrays, two strips each, their offsets in 8 bytes."""
    data = bytearray(b"MM\0+" + struct.pack(">HHQ", 8, 0, 0))
    link = 8
    for rgb in pages:
        height, width = rgb.shape[:2]
        half = height // 2
        strips = [rgb[:half].tobytes(), rgb[half:].tobytes()]
        starts = [len(data), len(data) + len(strips[0])]
        data += b"".join(strips)
        arrays = len(data)
        data += struct.pack(">4Q", *(offset or starts), *map(len, strips))
        tags = [
            (256, 4, 1, struct.pack(">LL", width, 0)), (257, 16, 1, struct.pack(">Q", height)),
            (258, 3, 3, struct.pack(">4H", 8, 8, 8, 0)), (259, 3, 1, struct.pack(">4H", 1, 0, 0, 0)),
            (262, 3, 1, struct.pack(">4H", 2, 0, 0, 0)), (273, 16, 2, struct.pack(">Q", arrays)),
            (277, 3, 1, struct.pack(">4H", 3, 0, 0, 0)), (278, 4, 1, struct.pack(">LL", half, 0)),
            (279, 16, 2, struct.pack(">Q", arrays + 16)),
        ]  # fmt: skip
        struct.pack_into(">Q", data, link, len(data))
        data += struct.pack(">Q", len(tags)) + b"".join(struct.pack(">HHQ", *tag[:3]) + tag[3] for tag in tags)
        link = len(data)
        data += bytes(8)
    return bytes(data)


def test_big_endian_bigtiff_is_read():
    data = big_tiff([photo(), photo()[::-1].copy()])
    pixels, reading = load_image(data, "RGB")
    assert np.array_equal(pixels, photo())
    assert reading.changes == {"page": "page 1 of 2", "layout": "BigTIFF in big-endian order"}
    assert np.array_equal(load_image(data, "RGB", page=2).pixels, photo()[::-1])
    assert read_header(data).size == (40, 60)
    for length in range(4, len(data) - 8, 97):
        try:
            assert np.array_equal(read_image(data[:length], "RGB"), photo())
        except UserError as error:
            assert "\n" not in str(error)
    with pytest.raises(UserError, match="beyond 4 GiB"):
        read_image(big_tiff([photo()], offset=(1 << 33, 1 << 34)))


def test_libtiffs_own_messages_reach_nobody(capfd):
    data = bytearray(saved(photo(), "TIFF", compression="tiff_lzw"))
    data[200:600] = b"\xff" * 400
    for bad in (bytes(data), saved(photo(), "TIFF", compression="tiff_adobe_deflate")[:400]):
        with pytest.raises(UserError):
            read_image(bad)
    assert capfd.readouterr().err == ""
