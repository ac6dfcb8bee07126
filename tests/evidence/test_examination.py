from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.evidence import Level, examination, examine
from constrained_rcnn.evidence.examination import ask
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.registry import WITNESSES, Witness
from constrained_rcnn.utils.errors import UserError
from tests.helpers.photo_files import as_jpeg, as_png, exif, photo


@pytest.fixture(scope="module")
def findings():
    return examine(as_jpeg(photo(), 92))


def test_every_witness_gives_one_finding_in_order(findings):
    assert [one.witness for one in findings] == list(WITNESSES)
    for one in findings:
        assert one.sentence.endswith(".") and one.title and one.examined and one.innocent_causes
        assert "error" not in one.facts, one.facts
        assert one.look_for.count(". ") == one.ignore.count(". ") == 1, one.witness  # two sentences each
        if one.map is not None:
            assert one.map.dtype == np.float32 and one.map.ndim == 2 and 0 <= one.map.min() and one.map.max() <= 1


def test_findings_are_ready_for_json(findings):
    for one in findings:
        record = json.loads(json.dumps(one.to_json(), allow_nan=False))
        assert record["finding"] in {level.value for level in Level}
        assert record["witness"] == one.witness


def test_untouched_photo_has_nothing_strong(findings):
    assert all(one.level is not Level.STRONG for one in findings)


def test_only_the_witnesses_asked_for_speak():
    found = examine(as_png(photo()), ["noise", "metadata"])
    assert [one.witness for one in found] == ["metadata", "noise"]


def test_unknown_witness_is_named():
    with pytest.raises(UserError, match="no witness palm; there are provenance, metadata"):
        examine(as_png(photo()), ["palm"])


def test_witness_that_fails_cannot_judge_and_says_why():
    def broken(exhibit):
        raise ZeroDivisionError("nothing to\ndivide by")

    witness = Witness("noise", broken, "Noise", "noise", "", "", ("none",))
    found = ask(witness, Exhibit.read(as_png(photo())))
    assert found.level is Level.CANNOT_BE_JUDGED
    assert "nothing to divide by" in found.sentence and found.facts["error"] == "ZeroDivisionError"


def test_file_that_is_no_image_is_refused():
    with pytest.raises(UserError, match="not an image"):
        examine(b"hello" * 100)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="missing.jpg"):
        examine(tmp_path / "missing.jpg")


def test_witness_is_not_heard_of_a_class_where_it_is_wrong_too_often(monkeypatch):
    monkeypatch.setattr(
        examination, "refused_classes", lambda name, classes: ["social media"] if name == "noise" else []
    )
    exhibit = Exhibit.read(as_jpeg(photo(), 75))
    noise, ghosts = (ask(WITNESSES[name], exhibit) for name in ("noise", "jpeg_ghosts"))
    assert noise.level is Level.CANNOT_BE_JUDGED and "class social media strong" in noise.sentence
    assert "libjpeg at quality 75" in noise.sentence and noise.facts["refused_classes"] == ["social media"]
    assert "refused_classes" not in ghosts.facts
    assert "refused_classes" not in ask(WITNESSES["noise"], exhibit, unheard=False).facts


def test_findings_know_the_classes_of_the_file_and_its_rate(findings):
    assert all(
        one.file_classes == ("camera original", "saved once more", "reduced", "as published") for one in findings
    )
    for one in findings:
        record = one.to_json()
        assert record["file_classes"] == list(one.file_classes)
        assert (record["as_much"] is None) == (one.as_much is None)
        assert one.as_much is None or record["as_much"]["sentence"] == one.as_much.sentence


@pytest.mark.parametrize("shape", [(8, 8), (1, 300), (16, 2000), (127, 400)])
def test_small_images_cannot_be_judged_by_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for one in examine(as_jpeg(pixels)):
        if one.witness not in ("provenance", "metadata"):
            assert one.level is Level.CANNOT_BE_JUDGED, one


def test_flat_image_cannot_be_judged():
    found = {one.witness: one for one in examine(as_jpeg(np.full((200, 200, 3), 90, np.uint8)))}
    assert found["noise"].level is Level.CANNOT_BE_JUDGED
    assert "one tone" in found["noise"].sentence


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_jpegs_of_all_colours_are_examined(mode):
    buffer = io.BytesIO()
    Image.fromarray(photo()).convert(mode).save(buffer, "JPEG")
    assert not any("error" in one.facts for one in examine(buffer.getvalue()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_maps_and_regions_are_upright(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    exhibit = Exhibit.read(as_jpeg(photo()[:200, :328], exif=block.tobytes()))
    upright = exhibit.upright(exhibit.luma)
    assert upright.shape == exhibit.size
    grey = exhibit.pixels.astype(float) @ (0.114, 0.587, 0.299)
    assert np.abs(upright - grey).mean() < 2
    x1, y1, x2, y2 = exhibit.upright_region((8, 16, 40, 24))
    assert np.array_equal(np.sort(upright[y1:y2, x1:x2].ravel()), np.sort(exhibit.luma[16:24, 8:40].ravel()))


def test_gps_is_a_fact_of_its_own():
    (found,) = examine(as_jpeg(photo(), exif=exif(model="X", gps=True)), ["metadata"])
    assert found.facts["gps"] == {"latitude": 52.5, "longitude": 13.4}
    assert "13.4" not in json.dumps({key: value for key, value in found.facts.items() if key != "gps"})


def test_a_page_of_several_is_read_by_its_number():
    first, second = (Image.fromarray(np.full((32, 40, 3), value, np.uint8)) for value in (10, 200))
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=[second])
    assert [Exhibit.read(buffer.getvalue(), page=page).pixels[0, 0, 0] for page in (None, 1, 2)] == [10, 10, 200]
