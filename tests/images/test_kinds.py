"""Content decides what a file is; what is not read says what it is and what to do."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.images.kinds import HEAD, kind_of
from constrained_rcnn.images.reading import FORMATS, read_grey, read_header, read_image
from constrained_rcnn.utils.errors import UserError
from tests.helpers.fuzz_images import seeds


def test_every_file_that_is_read_is_known_by_its_first_bytes():
    kinds = [kind_of(data[:HEAD]) for data in seeds()]
    assert not any(kind.refusal for kind in kinds)
    assert {kind.name for kind in kinds} == set(FORMATS)


@pytest.mark.parametrize("data", [
    b"", b"BM is how this text begins", b"Private notes", b"P1 is a street", b"%PDF-1.7\n", b"\0" * 600,
    b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41", b"RIFF\0\0\0\0WAVEfmt ", b"<svg xmlns='x'/>",
    b"PK\3\4", b"II*", b"\xff\xd8",
])  # fmt: skip
def test_other_files_are_none(data):
    assert kind_of(data[:HEAD]) is None


@pytest.mark.parametrize(("data", "message"), [
    (b"8BPS\0\1" + bytes(30), "Photoshop"), (b"\xff\x0a" + bytes(30), "JPEG XL"),
    (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"), (b"FUJIFILMCCD-RAW 0201", "RAF"),
    (b"\0\0\1\0\1\0\x10\x10\0\0" + bytes(30), "Windows icon"), (b"qoif" + bytes(30), "QOI"),
    (b"\x01\xda\1\1\0\3" + bytes(30), "SGI"), (b"\n\5\1\x08" + bytes(30), "PCX"), (b"icns" + bytes(30), "icon"),
    (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "CR2"), (b"IIU\0" + bytes(30), "RW2"), (b"IIRO\x08\0\0\0", "ORF"),
])  # fmt: skip
def test_images_that_are_not_read_say_so(data, message):
    with pytest.raises(UserError, match=f"{message}.*(develop it|save it)"):
        read_image(data)


def test_a_png_of_an_iphone_app_is_no_damaged_one():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    data = buffer.getvalue()
    chunk = b"\0\0\0\4CgBI\x50\0\x20\2"
    with pytest.raises(UserError, match="CgBI.*not read; convert it"):
        read_image(data[:8] + chunk + zlib.crc32(chunk[4:]).to_bytes(4, "big") + data[8:])


def test_an_empty_file_is_called_that():
    with pytest.raises(UserError, match="the file is empty"):
        read_image(b"")


def tiff(tags, order="<") -> bytes:
    """A TIFF of 16x16 grey pixels with these tags, (tag, type, count, value), too."""
    base = {256: (4, 1, 16), 257: (4, 1, 16), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 277: (3, 1, 1)}
    base |= {278: (4, 1, 16), 279: (4, 1, 256)}
    entries = {**base, **{tag: fields for tag, *fields in tags}}
    data_offset = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries[273] = (4, 1, data_offset)

    def value(kind, number):
        return struct.pack(order + "HH", number, 0) if kind == 3 else struct.pack(order + "L", number)

    directory = b"".join(
        struct.pack(order + "HHL", tag, kind, count) + value(kind, number)
        for tag, (kind, count, number) in sorted(entries.items())
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HLH", 42, 8, len(entries))
    return head + directory + bytes(4) + np.arange(256, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("tag", [
    (254, 4, 1, 1), (254, 4, 1, 5), (255, 3, 1, 2), (50706, 1, 4, 0x401), (37398, 1, 4, 1), (262, 3, 1, 32803),
    (262, 3, 1, 34892), (259, 3, 1, 34713), (259, 3, 1, 32767),
])  # fmt: skip
def test_raw_files_and_reduced_first_images_are_refused(tag, order):
    assert read_grey(tiff([], order)).shape == (16, 16)
    assert read_grey(tiff([(254, 4, 1, 2)], order)).shape == (16, 16)  # a page of several
    for reader in (read_image, read_header):
        with pytest.raises(UserError, match="(raw file|begins with a reduced image).*TIFF or JPEG"):
            reader(tiff([tag], order))


def test_a_first_image_smaller_than_one_inside_of_it_is_refused():
    thumbnail = tiff([(330, 4, 1, 1000)])
    for side, refused in ((32, True), (16, False), (8, False)):
        inner = struct.pack("<HHHLLHHLLL", 2, 256, 4, 1, side, 257, 4, 1, side, 0)
        data = thumbnail.ljust(1000, b"\0") + inner
        if refused:
            with pytest.raises(UserError, match="begins with a reduced image"):
                read_image(data)
        else:
            assert read_image(data).shape == (16, 16, 3)


def saved(image, kind, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("data", [
    tiff([(259, 3, 1, 33003)]), tiff([(258, 3, 1, 11)]), tiff([(262, 3, 1, 9999)]),
    saved(Image.new("RGB", (16, 16)), "BMP").replace(struct.pack("<HHL", 1, 24, 0), struct.pack("<HHL", 1, 24, 4)),
    saved(Image.new("RGB", (16, 16)), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
    saved(Image.new("RGB", (16, 16)), "JPEG").replace(b"\xff\xc0\0\x11", b"\xff\xf7\0\x11"),
])  # fmt: skip
def test_kinds_that_are_not_read_are_not_called_damaged_nor_their_format_readable(data):
    with pytest.raises(UserError, match="not read") as error:
        read_image(data)
    assert "damaged" not in str(error.value) and "are)" not in str(error.value)
