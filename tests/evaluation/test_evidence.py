from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evaluation import evidence
from constrained_rcnn.evaluation.evidence import FINGERPRINT, examine_images
from constrained_rcnn.evidence.file_class import CLASSES, PUBLISHED
from constrained_rcnn.utils.journal import Journal
from tests.helpers.photo_files import as_jpeg, as_png, photo


@pytest.fixture
def items(tmp_path):
    authentic, forged, mask = (tmp_path / name for name in ("a.jpg", "f.jpg", "m.png"))
    authentic.write_bytes(as_jpeg(photo(), 90))
    made = photo().copy()
    truth = np.zeros_like(made)
    truth[150:300, 100:250] = 255
    made[truth > 0] = np.clip(made[truth > 0] + np.random.default_rng(0).normal(0, 40, (truth > 0).sum()), 0, 255)
    forged.write_bytes(as_jpeg(made, 95))
    mask.write_bytes(as_png(truth))
    return [
        {"file_name": str(authentic), "authentic": True, "camera": True},
        {"file_name": str(forged), "authentic": False, "mask_file_name": str(mask), "kind": "forged: made"},
    ]


def test_images_are_examined_in_every_class(items):
    found = examine_images(items, ["noise", "metadata"])
    kinds = [one.kind for one in found.seen if one.witness == "noise"]
    assert kinds == [*(name for name in CLASSES if name != PUBLISHED), "forged: made"]
    assert [one.overlaps for one in found.seen if one.witness == "noise" and one.kind == "forged: made"] == [True]
    assert all(one.strength is None for one in found.seen if one.witness == "metadata")
    assert [true for true, _ in found.classes] == kinds[:-1]


def test_images_that_are_not_a_cameras_count_as_published(items):
    found = examine_images([{**items[0], "camera": False}], [])
    assert found.classes[0][0] == PUBLISHED


def test_forgeries_are_made_of_the_first_images_only(items):
    second = {**items[0], "camera": False}
    found = examine_images([items[0], second], ["metadata"], forge=1)
    kinds = [one.kind for one in found.seen if one.kind not in CLASSES]
    assert sum(kind.startswith("part ") for kind in kinds) == 4
    assert any(kind.startswith("generated: ") for kind in kinds) and len(kinds) == len(set(kinds))


def test_run_that_was_stopped_goes_on(items, tmp_path, monkeypatch):
    """What the journal holds is not examined again, and says the same; a witness that it lacks is asked."""
    with Journal(tmp_path / "j", FINGERPRINT) as journal:
        first = examine_images(items, ["noise"], forge=1, journal=journal)
    opened = []
    read = evidence.Exhibit.read
    monkeypatch.setattr(evidence.Exhibit, "read", lambda data: opened.append(1) or read(data))
    with Journal(tmp_path / "j", FINGERPRINT) as journal:
        assert examine_images(items, ["noise"], forge=1, journal=journal) == first
        assert not opened
        both = examine_images(items, ["noise", "jpeg_history"], forge=1, journal=journal)
    assert opened and [one for one in both.seen if one.witness == "noise"] == first.seen


def test_witness_whose_code_changed_is_asked_again(items, tmp_path, monkeypatch):
    asked = []
    ask = evidence.ask
    monkeypatch.setattr(evidence, "ask", lambda witness, *rest, **more: asked.append(1) or ask(witness, *rest, **more))
    with Journal(tmp_path / "j", FINGERPRINT) as journal:
        examine_images(items[1:], ["metadata"], journal=journal)
    monkeypatch.setattr(evidence, "_coded", lambda name: f"{name} other")
    with Journal(tmp_path / "j", FINGERPRINT) as journal:
        examine_images(items[1:], ["metadata"], journal=journal)
    assert len(asked) == 2
