from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evidence import Level, examine
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.iptc import RESOURCE, read_iptc
from constrained_rcnn.evidence.registry import WITNESSES
from constrained_rcnn.evidence.xmp import read_xmp
from tests.helpers.photo_files import as_jpeg, exif, photo, xmp

HEIGHT, WIDTH = photo().shape[:2]
CAMERA = {"make": "Maker", "model": "Maker M1", "taken": "2020:05:01 12:00:00", "width": WIDTH, "height": HEIGHT}
SMALL = photo()[::4, ::4]


def metadata(**options):
    (found,) = examine(as_jpeg(photo(), **options), ["metadata"])
    return found


def test_file_without_metadata_is_no_sign():
    found = metadata()
    assert found.level is Level.NOTHING_FOUND and "no sign of anything" in found.sentence


def test_camera_original_contradicts_nothing():
    found = metadata(exif=exif(**CAMERA, modified="2020:05:01 12:00:00", thumbnail=SMALL))
    assert found.level is Level.NOTHING_FOUND
    assert "Camera: Maker M1." in found.sentence
    assert found.facts["exif"]["taken"] == "2020:05:01 12:00:00"
    assert found.facts["thumbnail"]["alike"] > 0.95
    assert set(found.images) == {"embedded thumbnail", "the image, reduced", "difference, brightened"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"software": "Adobe Photoshop CS2 Windows"}, "program that edits: Adobe Photoshop CS2 Windows"),
        ({"modified": "2019:01:01 00:00:00"}, "last changed on 2019-01-01, before it was taken (2020-05-01)"),
        ({"width": 4000, "height": 3000}, "EXIF says 4000x3000 pixels"),
    ],
)
def test_what_speaks_weakly(told, said):
    found = metadata(exif=exif(**{**CAMERA, **told}))
    assert found.level is Level.WEAK and said in found.sentence


@pytest.mark.parametrize("told", [{"software": "HDR+ 1.0"}, {"modified": "2020:05:01 23:00:00"}])
def test_what_cameras_write_is_passed_over(told):
    assert metadata(exif=exif(**{**CAMERA, **told})).level is Level.NOTHING_FOUND


@pytest.mark.parametrize("taken", ["0000:00:00 00:00:00", "2020:13:45 99:99:99", "    :  :  ", "yesterday"])
def test_dates_that_are_none_are_passed_over(taken):
    assert (
        metadata(exif=exif(**{**CAMERA, "taken": taken}, modified="2019:01:01 00:00:00")).level is Level.NOTHING_FOUND
    )


def test_thumbnail_of_another_image():
    found = metadata(exif=exif(**CAMERA, thumbnail=np.ascontiguousarray(SMALL[::-1])))
    assert found.level is Level.MODERATE and "another image" in found.sentence


def test_thumbnail_shows_what_was_painted_over():
    edited = photo().copy()
    edited[40:260, 100:300] = edited[300:304, 20:24].mean(axis=(0, 1))
    (found,) = examine(as_jpeg(edited, exif=exif(**CAMERA, thumbnail=SMALL)), ["metadata"])
    assert found.level is Level.MODERATE


def test_thumbnail_with_bars_is_the_same_picture():
    bars = np.zeros((120, 160, 3), np.uint8)
    small = photo()[np.linspace(0, HEIGHT - 1, 120).astype(int)][:, np.linspace(0, WIDTH - 1, 103).astype(int)]
    bars[:, 28:131] = small
    assert metadata(exif=exif(**CAMERA, thumbnail=bars)).level is Level.NOTHING_FOUND


def test_two_devices_and_history():
    body = """<rdf:Description tiff:Model="Other 9" xmp:CreatorTool="GIMP 2.10"><xmpMM:History><rdf:Seq>
        <rdf:li stEvt:action="saved" stEvt:softwareAgent="GIMP 2.10" stEvt:when="2021-01-01T00:00:00Z"/>
        <rdf:li stEvt:action="cropped"/></rdf:Seq></xmpMM:History></rdf:Description>"""
    found = metadata(exif=exif(**CAMERA), xmp=xmp(body))
    assert found.level is Level.MODERATE
    assert "one camera (Maker M1), XMP another (Other 9)" in found.sentence
    assert "history of 2 steps is in the file, among them cropped" in found.sentence
    assert found.facts["history"][0]["softwareAgent"] == "GIMP 2.10"


def test_days_of_taking_that_differ():
    body = '<rdf:Description photoshop:DateCreated="2018-03-03"/>'
    found = metadata(exif=exif(**CAMERA), xmp=xmp(body))
    assert found.level is Level.WEAK and "EXIF 2020-05-01, XMP 2018-03-03" in found.sentence


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('xmp:CreateDate="2021-06-01" xmp:ModifyDate="2021-05-01"', "changed on 2021-05-01, before it was made"),
        ('xmp:ModifyDate="2019-05-01"', "XMP says it was last changed on 2019-05-01, before it was taken (2020-05-01)"),
    ],
)
def test_xmp_dates_that_contradict_one_another(body, said):
    found = metadata(exif=exif(**CAMERA), xmp=xmp(f"<rdf:Description {body}/>"))
    assert found.level is Level.WEAK and said in found.sentence


@pytest.mark.parametrize(("day", "level"), [("2020:05:02", Level.NOTHING_FOUND), ("2020:05:09", Level.WEAK)])
def test_day_by_gps(day, level):
    block = exif(**CAMERA, gps=True, gps_date=day)
    found = metadata(exif=block)
    assert found.level is level and ("GPS 2020-05-09" in found.sentence) == (level is Level.WEAK)


def test_day_by_iptc():
    exhibit = Exhibit.read(as_jpeg(photo(), exif=exif(**CAMERA)))
    exhibit.info["photoshop"] = {RESOURCE: b"\x1c\x02\x37\x00\x0820180303"}
    found = WITNESSES["metadata"].observe(exhibit)
    assert found.level is Level.WEAK and "EXIF 2020-05-01, IPTC 2018-03-03" in found.sentence


@pytest.mark.parametrize(
    ("packet", "problem"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 999 + b'">]><x>&a;</x>', "declares entities"),
        (("\ufeff<!doctype x><x/>").encode("utf-16"), "declares entities"),
        (b"<a>" * 5000 + b"</a>" * 5000, "nested too deeply"),
        (b"<a", "cannot be read"),
        (b"<x>" + b"y" * (1 << 20) + b"</x>", "more than 1 MiB"),
        (b"", "cannot be read"),
    ],
    ids=["entities", "utf-16", "deep", "cut", "large", "empty"],
)
def test_hostile_xmp_is_passed_over(packet, problem):
    assert problem in read_xmp(packet).problem


def test_xmp_keeps_a_bounded_number_of_values():
    packet = xmp("<rdf:Description><photoshop:Text>x</photoshop:Text></rdf:Description>" * 5000)
    assert len(read_xmp(packet).values["Text"]) <= 2000


def test_iptc_texts_and_what_is_cut_off():
    data = b"\x1c\x02\x41\x00\x04GIMP" + b"\x1c\x02\x50\x00\x02ab" + b"\x1c\x02\x78\xff\xffrest"
    assert read_iptc(data) == {"program": ["GIMP"], "author": ["ab"]}
    assert read_iptc(b"\x1c\x02\x41\x00\x09GIMP") == {}


@pytest.mark.parametrize("size", [0, 3, 8, 40, 90])
def test_broken_exif_hides_itself_alone(size):
    block = exif(**CAMERA, gps=True, thumbnail=SMALL)
    found = metadata(exif=block[:6] + block[6 : 6 + size])
    assert "failed" not in found.sentence
