from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.evaluation.evidence_files import authentic_files, generated_forgery, made_forgeries
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.file_class import CAMERA, CLASSES, PUBLISHED, REDUCED, SAVED, SCREENSHOT, SOCIAL
from tests.helpers.photo_files import as_jpeg, photo

HEIGHT, WIDTH = photo().shape[:2]
BGR = np.ascontiguousarray(photo()[:, :, ::-1])


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(as_jpeg(photo(), 93))
    return path, dict(authentic_files(str(path), camera=True, seed=3))


def test_a_file_of_each_class(files):
    path, made = files
    assert set(made) == set(CLASSES) - {PUBLISHED} and made[CAMERA] == path.read_bytes()
    images = {kind: Image.open(io.BytesIO(data)) for kind, data in made.items()}
    assert images[SAVED].size == (WIDTH, HEIGHT) and images[SAVED].format == "JPEG"
    assert images[SOCIAL].width <= 0.76 * WIDTH and images[REDUCED].width < WIDTH
    assert images[SCREENSHOT].format == "PNG" and images[SCREENSHOT].height / images[SCREENSHOT].width > 1.1


def test_a_photo_of_unknown_history(files):
    kinds = [kind for kind, _ in authentic_files(str(files[0]), camera=False, seed=3)]
    assert kinds[0] == PUBLISHED and CAMERA not in kinds


def test_the_same_seed_makes_the_same_files(files):
    path, made = files
    assert dict(authentic_files(str(path), camera=True, seed=3)) == made
    assert dict(authentic_files(str(path), camera=True, seed=4)) != made


def test_made_forgeries_are_what_they_say():
    made = {kind: (Exhibit.read(data), truth) for kind, data, truth in made_forgeries(BGR)}
    assert len(made) == 4
    for kind, (exhibit, truth) in made.items():
        changed = np.abs(exhibit.pixels.astype(int) - BGR).max(axis=2) > 24
        assert truth.mean() == pytest.approx(1 / 9, rel=0.1)
        assert changed[truth].mean() > 2 * changed[~truth].mean(), kind


def test_generated_forgery():
    kind, data, truth = generated_forgery(BGR, np.ascontiguousarray(BGR[::-1]), "splice", 1)
    assert kind == "generated: splice" and truth.any() and truth.shape == Exhibit.read(data).size


def test_no_technique_no_forgery():
    assert generated_forgery(BGR, BGR, "palm", 1) is None
