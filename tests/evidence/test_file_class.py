from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.file_class import CAMERA, CLASSES, PUBLISHED, REDUCED, SAVED, SCREENSHOT, SOCIAL
from tests.helpers.photo_files import as_jpeg, as_png, decoded, exif, photo

TABLE = [2 + (at % 8 + at // 8) // 2 for at in range(64)]
HEIGHT, WIDTH = photo().shape[:2]
DEVICE = exif(make="Maker", model="M1", width=WIDTH, height=HEIGHT)


def classes(data: bytes) -> tuple[str, ...]:
    return Exhibit.read(data).file_class.candidates


def framed(pixels: np.ndarray) -> np.ndarray:
    bar = np.full((40, pixels.shape[1], 3), 250, np.uint8)
    return np.concatenate([bar, pixels, bar])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (as_jpeg(photo(), qtables=[TABLE, TABLE], exif=DEVICE), (CAMERA,)),
        (as_jpeg(photo(), qtables=[TABLE, TABLE]), (CAMERA, PUBLISHED)),
        (as_jpeg(photo(), quality="high"), (CAMERA, PUBLISHED)),
        (as_jpeg(photo(), 95), (CAMERA, SAVED, REDUCED, PUBLISHED)),
        (as_jpeg(decoded(as_jpeg(photo(), 70, subsampling=0)), 95, subsampling=0), (SAVED, PUBLISHED)),
        (as_jpeg(decoded(as_jpeg(photo(), 70)), qtables=[TABLE, TABLE]), (SAVED, PUBLISHED)),
        (as_jpeg(photo(), 75), (SAVED, SOCIAL, REDUCED, PUBLISHED)),
        (as_png(framed(photo())), (SCREENSHOT,)),
        (as_png(photo()), CLASSES),
    ],
    ids=["camera", "own tables", "preset", "95", "twice", "twice own", "75", "framed", "png"],
)
def test_classes_that_a_file_may_belong_to(data, expected):
    assert classes(data) == expected


def test_size_of_a_screen():
    pixels = np.random.default_rng(0).integers(0, 256, (1334, 750, 3), np.uint8)
    assert classes(as_png(pixels)) == (SCREENSHOT,)
    assert classes(as_png(np.ascontiguousarray(pixels.swapaxes(0, 1)))) == (SCREENSHOT,)


def test_camera_whose_size_is_not_the_files_is_no_original():
    other = exif(make="Maker", model="M1", width=4000, height=3000)
    assert classes(as_jpeg(photo(), qtables=[TABLE, TABLE], exif=other)) == (CAMERA, PUBLISHED)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (3, 400)])
def test_tiny_images_have_classes(shape):
    pixels = np.full((*shape, 3), 7, np.uint8)
    assert classes(as_jpeg(pixels)) and classes(as_png(pixels))


def test_words():
    assert Exhibit.read(as_png(photo())).file_class.words == "of any kind"
    assert Exhibit.read(as_jpeg(photo(), quality="high")).file_class.words == "camera original or as published"
