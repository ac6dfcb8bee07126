from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.JpegPresets import presets

from constrained_rcnn.evidence import examine
from constrained_rcnn.evidence.jpeg_encoders import encoders, known_tables
from tests.helpers.photo_files import as_jpeg, photo

SMALL = np.ascontiguousarray(photo()[:32, :32])


def tables(data: bytes) -> dict[int, list[int]]:
    with Image.open(io.BytesIO(data)) as image:
        return image.quantization


@pytest.mark.parametrize("quality", range(1, 101, 3))
def test_what_pillow_and_opencv_write_is_known(quality):
    _, encoded = cv2.imencode(".jpg", SMALL, [cv2.IMWRITE_JPEG_QUALITY, quality])
    for data in (as_jpeg(SMALL, quality), encoded.tobytes()):
        found = known_tables(tables(data))
        assert (found.encoder, found.quality) == ("libjpeg", quality)


@pytest.mark.parametrize("preset", sorted(presets))
def test_presets_are_known(preset):
    buffer = io.BytesIO()
    Image.fromarray(SMALL).save(buffer, "JPEG", quality=preset)
    found = known_tables(tables(buffer.getvalue()))
    assert found.quality is None and found.preset.split(" or ")[0] in found.words
    assert "Photoshop" in found.programs and "Pillow" in found.source


def test_grey_image_has_luma_alone():
    buffer = io.BytesIO()
    Image.fromarray(SMALL).convert("L").save(buffer, "JPEG", quality=80)
    assert known_tables(tables(buffer.getvalue())).quality == 80


def test_mozjpeg_at_quality_50_is_its_base_table():
    base = next(one for one in encoders() if one["name"] == "MozJPEG")
    clipped = [min(255, step) for step in base["luma"]]
    assert known_tables({0: clipped, 1: clipped}).words == "MozJPEG at quality 50"


def test_luma_of_one_encoder_with_chroma_of_another_is_unknown():
    first, second = tables(as_jpeg(SMALL, 90)), tables(as_jpeg(SMALL, 60))
    assert known_tables({0: first[0], 1: second[1]}) is None
    changed = list(first[0])
    changed[7] += 1
    assert known_tables({0: changed, 1: first[1]}) is None
    assert known_tables({}) is None


def test_every_entry_names_its_source():
    for one in encoders():
        assert one["source"] and one["programs"] and len(one["luma"]) == len(one["chroma"]) == 64


def test_unknown_tables_are_told_as_such():
    table = [20 + at % 50 for at in range(64)]
    (found,) = examine(as_jpeg(photo(), qtables=[table, table]), ["jpeg_history"])
    assert found.facts["encoder"] is None
    assert "no encoder in this package's table writes" in found.sentence


def test_known_tables_are_told_with_their_source():
    (found,) = examine(as_jpeg(photo(), 88), ["jpeg_history"])
    assert "tables of libjpeg at quality 88" in found.sentence
    assert "T.81" in found.facts["encoder_source"]
