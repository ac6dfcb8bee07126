from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.evidence import Level, examine
from constrained_rcnn.evidence.blocks import block_coefficients, zigzag
from constrained_rcnn.evidence.jpeg_file import jpeg_file
from constrained_rcnn.evidence.jpeg_tables import nearest_quality, standard_luma
from tests.helpers.photo_files import as_jpeg, as_png, decoded, photo


def history(data: bytes):
    (found,) = examine(data, ["jpeg_history"])
    return found


def test_saved_once():
    found = history(as_jpeg(photo(), 90))
    assert found.level is Level.NOTHING_FOUND
    assert "tables of libjpeg at quality 90" in found.sentence
    assert found.facts["subsampling"] == "4:2:0" and found.facts["progressive"] is False


@pytest.mark.parametrize(("first", "second"), [(60, 90), (75, 95), (80, 92), (50, 75)])
def test_saved_twice(first, second):
    found = history(as_jpeg(decoded(as_jpeg(photo(), first, subsampling=0)), second, subsampling=0))
    assert found.level is Level.WEAK
    assert abs(found.facts["earlier_compression"]["quality"] - first) <= 2
    assert "saved as JPEG at a quality of about" in found.sentence


def test_png_that_was_a_jpeg():
    found = history(as_png(decoded(as_jpeg(photo(), 75))))
    assert found.level is Level.WEAK
    assert abs(found.facts["earlier_compression"]["quality"] - 75) <= 2


def test_png_that_never_was_a_jpeg():
    assert history(as_png(photo())).level is Level.NOTHING_FOUND


def test_tables_of_its_maker():
    table = [max(1, int(step * 0.3) + at % 3) for at, step in enumerate(standard_luma(50))]
    found = history(as_jpeg(photo(), qtables=[table, table]))
    assert found.facts["standard_tables"] is False and "no encoder in this package's table" in found.sentence


@pytest.mark.parametrize("quality", [1, 25, 50, 75, 90, 100])
def test_standard_tables_are_those_of_the_library(quality):
    with Image.open(io.BytesIO(as_jpeg(photo()[:16, :16], quality))) as image:
        table = image.quantization[0]
    assert nearest_quality(table) == (quality, True)


def test_coefficients_are_those_that_jpeg_stores():
    """Of a grey JPEG: multiples of the table's steps, but for the rounding of pixels."""
    data = io.BytesIO()
    grey = np.clip(photo()[..., 1], 30, 220)  # no pixel is clipped
    Image.fromarray(grey).save(data, "JPEG", quality=60)
    with Image.open(data) as image:
        values, table = block_coefficients(np.asarray(image)).values, np.array(image.quantization[0]).reshape(8, 8)

    def rest(steps: np.ndarray) -> float:
        """Typical distance from a multiple of the steps, of low frequencies but the mean."""
        multiples = (values / steps)[..., :4, :4].reshape(-1, 16)[:, 1:]
        return float(np.abs(multiples - np.rint(multiples)).mean())

    assert rest(table) < 0.03
    assert rest(table.T) > 2 * rest(table)  # transposed coefficients would not do


def test_blocks_of_large_images_are_a_sample():
    made = block_coefficients(np.zeros((2400, 3200), np.uint8))
    assert made.step == 2 and made.values.shape == (150, 200, 8, 8)
    assert np.allclose(made.values[..., 0, 0], -1024)


def test_zigzag_begins_and_ends_as_jpeg_says():
    assert zigzag()[:6] == [(0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2)]
    assert zigzag()[-1] == (7, 7) and len(set(zigzag())) == 64


def test_structure_of_files():
    one = as_jpeg(photo(), progressive=True, subsampling=0)
    told = jpeg_file(one)
    assert told.progressive and told.subsampling == "4:4:4" and told.images == 1 and told.trailing == 0
    two = jpeg_file(one + bytes(7) + as_jpeg(photo()))
    assert two.images == 2 and two.trailing == 0
    assert jpeg_file(one + b"\0\0\0\x18ftypmp42" + bytes(100)).trailing_kind == "video"
    assert jpeg_file(one + b"PK\3\4rest").trailing_kind == "archive"
    assert jpeg_file(one + bytes(100)).trailing_kind == "zeros"


def test_data_behind_the_end_is_told():
    assert "9 bytes follow its end: data of an unknown kind." in history(as_jpeg(photo()) + b"something").sentence
