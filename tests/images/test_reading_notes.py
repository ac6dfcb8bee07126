"""What is done to an image on its way in is recorded: pages, turning, bit depth, colours."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from constrained_rcnn.images.reading import load_image, read_header, read_image
from constrained_rcnn.images.reading_notes import Reading, reading_line
from constrained_rcnn.utils.errors import UserError


def photo(height=40, width=60, seed=0) -> np.ndarray:
    """RGB with every value up to white."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    noise[0, 0] = 255
    return noise


def stored(array, kind="PNG", mode=None, **options) -> bytes:
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array, mode)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def deep(array, suffix) -> bytes:
    """(H, W) or (H, W, 3 or 4) uint16, RGB first."""
    if array.ndim == 3:
        array = array[:, :, [2, 1, 0, *range(3, array.shape[2])]]
    return cv2.imencode(suffix, array)[1].tobytes()


def changes(data, **options) -> dict[str, str]:
    return load_image(data, **options).reading.changes


def test_a_plain_image_is_read_as_it_is():
    for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP"):
        reading = load_image(stored(photo(), kind)).reading
        assert reading == Reading(kind) and reading_line(reading.to_json()) == ""


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fewer_bits_stored_in_16_are_scaled(suffix, bits, channels):
    rgb = photo()
    values = (rgb.astype(np.uint16) << (bits - 8)) | 1
    if channels == 1:
        values, rgb = values[:, :, 0], np.dstack([rgb[:, :, 0]] * 3)
    elif channels == 4:
        values = np.dstack([values, np.full(values.shape[:2], 65535, np.uint16)])
    pixels, reading = load_image(deep(values, suffix), "RGB")
    assert np.array_equal(pixels, rgb)
    assert reading.changes["bit_depth"] == f"{bits} bits stored in 16, scaled to 8"


def png(values: np.ndarray, colour_type: int) -> bytes:
    """(H, W, C) uint16 as a PNG of 16 bits; colour type 4: grey with alpha, 6: RGB with alpha."""

    def chunk(name, data):
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">LLBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("white", ["of the bits used", "of 16 bits"])
def test_grey_with_alpha_is_scaled_as_the_others(bits, white):
    grey = photo()[:, :, 0]
    opaque = 65535 if white == "of 16 bits" else (1 << bits) - 1
    values = np.dstack([(grey.astype(np.uint16) << (bits - 8)) | 1, np.full(grey.shape, opaque, np.uint16)])
    pixels, reading = load_image(png(values, 4))
    assert np.array_equal(pixels, np.dstack([grey] * 3))
    scaled = f"{bits} bits stored in 16, scaled to 8" if bits < 16 else "16 bits per channel reduced to 8"
    assert reading.changes == {"bit_depth": scaled, "grey": "grey repeated over three channels"}
    values[:20, :, 1] = 0
    assert "in 50%" in load_image(png(values, 4)).reading.changes["transparency"]


def tiff(values: np.ndarray, photometric: int, *tags: tuple[int, int]) -> bytes:
    """(H, W, C) uint16 as an uncompressed TIFF, all in one strip."""
    height, width, channels = values.shape
    pixels = values.astype("<u2").tobytes()
    depths = 8 + len(pixels)
    entries = [(256, 4, 1, width), (257, 4, 1, height), (259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8)]
    entries += [(258, 3, channels, 16 if channels == 1 else depths), (277, 3, 1, channels), (278, 4, 1, height)]
    entries += [(279, 4, 1, len(pixels)), *((tag, 3, 1, value) for tag, value in tags)]
    directory = b"".join(struct.pack("<HHLL", *entry) for entry in sorted(entries))
    start = depths + 2 * channels
    head = struct.pack("<2sHL", b"II", 42, start) + pixels + struct.pack(f"<{channels}H", *[16] * channels)
    return head + struct.pack("<H", len(entries)) + directory + bytes(4)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("alpha", [0, 1, 2])  # of no stated meaning, colours multiplied by it, or not
def test_tiffs_with_alpha_of_the_bits_used(bits, alpha):
    rgb = photo()
    values = np.dstack([(rgb.astype(np.uint16) << (bits - 8)) | 1, np.full(rgb.shape[:2], (1 << bits) - 1, np.uint16)])
    pixels, reading = load_image(tiff(values, 2, (338, alpha)), "RGB")
    assert np.array_equal(pixels, rgb)
    assert reading.changes == {"bit_depth": f"{bits} bits stored in 16, scaled to 8"}


@pytest.mark.parametrize("bits", [12, 16])
def test_grey_of_which_0_is_white_is_turned_round(bits):
    grey = photo()[:, :, :1]
    values = (grey.astype(np.uint16) << (bits - 8)) | 1
    assert np.array_equal(load_image(tiff(values, 0)).pixels[:, :, :1], 255 - grey)


def test_bits_of_a_pnm():
    rgb = photo()
    for highest, shift, note in (
        (65535, 4, "12 bits stored in 16, scaled to 8"),
        (65535, 8, "16 bits per channel reduced to 8"),
        (4095, 4, "12 bits per channel reduced to 8"),
    ):
        data = b"P6 60 40 %d\n" % highest + (rgb.astype(np.uint16) << shift).astype(">u2").tobytes()
        pixels, reading = load_image(data, "RGB")
        assert np.abs(pixels.astype(int) - rgb).max() <= 1 and reading.changes == {"bit_depth": note}


def test_nearly_black_where_the_low_bytes_cannot_be_reached_is_refused():
    values = photo().astype(np.uint16) << 4
    data = cv2.imencode(".jp2", values, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1].tobytes()
    with pytest.raises(UserError, match="nearly black.*save it as PNG"):
        load_image(data)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_that_are_used_lose_the_low_byte(suffix, channels):
    values = photo().astype(np.uint16) << 8 | 77
    values = values[:, :, 0] if channels == 1 else values
    pixels, reading = load_image(deep(values, suffix), "RGB")
    assert np.array_equal(pixels[:, :, :channels], (values >> 8).reshape(*pixels.shape[:2], channels))
    assert reading.changes["bit_depth"] == "16 bits per channel reduced to 8"


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG", "MPO"])
def test_each_page_can_be_read_and_is_named(kind):
    pages = [np.full((32, 32, 3), value, np.uint8) for value in (0, 120, 250)]
    first, *others = [Image.fromarray(page) for page in pages]
    options = {"WEBP": {"lossless": True}}.get(kind, {})
    data = stored(first, kind, save_all=True, append_images=others, **options)
    for number, page in enumerate(pages, 1):
        pixels, reading = load_image(data, page=number)
        assert abs(int(pixels.mean()) - int(page.mean())) <= 2
        assert (reading.page, reading.pages) == (number, 3)
        assert reading_line(reading.to_json()).startswith(f"page {number} of 3")
        assert (read_header(data, page=number).page, read_header(data).pages) == (number, 3)
    assert np.array_equal(read_image(data), load_image(data, page=1).pixels)
    with pytest.raises(UserError, match="no page 4: the file has 3"):
        load_image(data, page=4)


def test_smaller_copies_and_masks_in_a_tiff_are_no_pages():
    def page(array, kind):
        image = Image.fromarray(array)
        image.encoderinfo = {"tiffinfo": {254: kind}}
        return image

    rgb = photo()
    data = stored(page(rgb, 0), "TIFF", save_all=True, append_images=[page(rgb[::4, ::4], 1), page(rgb[:, ::-1], 2)])
    assert load_image(data).reading.changes["page"] == "page 1 of 2"
    assert np.array_equal(load_image(data, "RGB", page=2).pixels, rgb[:, ::-1])


def test_turns_are_told():
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "TIFF"):
        assert "orientation tag 6" in changes(stored(photo(), kind, exif=exif))["turned"]
    exif[0x0112] = 2  # which Pillow counts as 0
    assert "orientation tag 2" in changes(stored(photo(), exif=exif))["turned"]
    exif[0x0112] = 1
    assert changes(stored(photo(), exif=exif)) == {}


def test_transparency_is_told_where_something_is_transparent():
    alpha = np.full((40, 60), 255, np.uint8)
    assert changes(stored(np.dstack([photo(), alpha]))) == {}
    alpha[:, :30] = 100
    assert "transparency (alpha) in 50%" in changes(stored(np.dstack([photo(), alpha])))["transparency"]
    palette = Image.fromarray(photo()).quantize(8)
    assert changes(stored(palette)).keys() == {"palette"}
    assert changes(stored(palette, transparency=0)).keys() == {"palette", "transparency"}


def test_colours_of_another_kind_are_told():
    rgb = photo()
    assert changes(stored(rgb[:, :, 0])).keys() == {"grey"}
    assert changes(stored(rgb[:, :, 0] > 9)).keys() == {"grey"}
    assert changes(stored(Image.fromarray(rgb).convert("CMYK"), "JPEG")).keys() == {"cmyk"}


def test_colour_profiles_without_a_name():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert "Lab identity" in changes(stored(photo(), icc_profile=lab))["colour_profile"]
    for broken in (b"icc", bytes(128) + b"\xff" * 4, lab[:150]):
        assert "(without a name)" in changes(stored(photo(), "JPEG", icc_profile=broken))["colour_profile"]


def many_pages(count, tags=0) -> bytes:
    """A TIFF of so many pages of 16 x 16 black pixels, with so many tags that nobody knows in each."""
    data = bytearray(b"II*\0\x08\0\0\0")
    for number in range(1, count + 1):
        entries = [(256, 4, 16), (257, 4, 16), (258, 3, 8), (262, 3, 1), (273, 4, 8), (278, 4, 16), (279, 4, 256)]
        entries += [(60000 + tag, 4, tag) for tag in range(tags)]
        following = len(data) + 2 + 12 * len(entries) + 4 if number < count else 0
        data += struct.pack("<H", len(entries))
        data += b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in entries)
        data += struct.pack("<L", following)
    return bytes(data) + bytes(264)


def test_counting_pages_ends():
    assert load_image(many_pages(120), page=119).reading.changes["page"] == "page 119 of 120"
    assert load_image(many_pages(10_500)).reading.changes["page"] == "page 1 of 10000 or more"
    assert load_image(many_pages(250, tags=5000)).reading.changes["page"].endswith(" or more")
    data = bytearray(many_pages(3))
    data[-264 - 4 : -264] = struct.pack("<L", 8)  # the last page leads to the first
    assert load_image(bytes(data)).reading.changes["page"] == "page 1 of 3"
