"""What a file says of itself: format, size, camera; never where or when."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from constrained_rcnn.images.file_facts import MAX_NAME, camera_name, read_facts

GPS_LATITUDE = 48.858


def saved(kind="JPEG", make="Canon", model="Canon EOS 5D", **options):
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = make, model
    exif[ExifTags.Base.DateTime] = "2020:02:03 04:05:06"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (GPS_LATITUDE, 0.0, 0.0)
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(buffer, kind, exif=exif, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_format_size_and_camera(kind):
    data = saved(kind)
    facts = read_facts(data).to_json()
    camera = {"make": "Canon", "model": "Canon EOS 5D"}
    assert facts == {"format": kind, "bytes": len(data), "camera": camera}
    assert camera_name(facts["camera"]) == "Canon EOS 5D"


def test_a_file_without_exif_names_no_camera():
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "BMP")
    facts = read_facts(buffer.getvalue()).to_json()
    assert facts == {"format": "BMP", "bytes": buffer.tell(), "camera": None} and camera_name(None) == ""


def test_names_are_bounded_and_on_one_line():
    evil = "\x1b[31mA\tb\r\n" + "c" * 5000 + "\0rubbish"
    facts = read_facts(saved(make=evil, model="\x01\x7f=1+1"))
    assert facts.make == "[31mA b " + "c" * (MAX_NAME - 8) and facts.model == "=1+1"
    assert camera_name({"make": "LG", "model": ""}) == "LG"
    assert camera_name({"make": "NIKON", "model": "D90"}) == "NIKON D90"


def test_what_cannot_be_read_is_empty():
    assert read_facts(b"\xff\xd8\xff broken").to_json() == {"format": "", "bytes": 10, "camera": None}
    data = saved()
    offset = data.index(b"Exif\0\0")
    broken = data[: offset + 10] + b"\xff" * 40 + data[offset + 50 :]
    assert read_facts(broken).format == "JPEG" and read_facts(broken).make == ""


def test_the_page_of_several_is_read():
    images = [Image.new("RGB", (9, 9)) for _ in range(2)]
    buffer = io.BytesIO()
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:])
    assert read_facts(buffer.getvalue(), page=2).format == "TIFF"
    assert read_facts(buffer.getvalue(), page=3).format == ""
