from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evaluation.evidence import (
    CLASSES,
    Seen,
    choose_thresholds,
    examine_images,
    made_forgeries,
    measured_rates,
    rates_table,
    too_often_strong,
)
from constrained_rcnn.evidence.exhibit import Exhibit
from constrained_rcnn.evidence.finding import Level
from tests.helpers.photo_files import as_jpeg, as_png, photo


def _seen(kind: str, strengths, witness="noise", overlaps=None):
    return [Seen(witness, kind, float(one), Level.NOTHING_FOUND, overlaps) for one in strengths]


def test_thresholds_come_from_the_worst_class():
    seen = _seen("resized", range(1000)) + _seen("screenshot", np.arange(1000) / 10) + _seen("forged", [5000])
    chosen = choose_thresholds(seen)["noise"]
    assert chosen["weak"] == pytest.approx(900, abs=2)
    assert chosen["moderate"] == pytest.approx(970, abs=2)
    assert chosen["strong"] == pytest.approx(1.2 * 995, abs=3)
    rates = measured_rates(seen, {"noise": chosen})
    assert rates["noise"]["authentic"]["resized"]["strong"] <= 0.005
    assert not too_often_strong(rates)


def test_bounds_on_false_alarms_stay():
    assert choose_thresholds(_seen("resized", [0.0] * 100, "block_grid"))["block_grid"]["strong"] == 2.0


def test_rates_of_forgeries_and_their_overlap():
    limits = {"noise": {"weak": 1, "moderate": 2, "strong": 3}}
    seen = _seen("forged", [0, 1.5, 2.5, 9], overlaps=True) + _seen("forged", [9], overlaps=False)
    seen += [Seen("noise", "forged", None, Level.CANNOT_BE_JUDGED)]
    rates = measured_rates(seen, limits)["noise"]["forged"]["forged"]
    assert rates["images"] == 6 and rates["strong"] == pytest.approx(2 / 6, abs=1e-3)
    assert rates["told"] == 4 and rates["overlaps"] == 0.75


def test_classes_too_often_strong_are_named():
    limits = {"noise": {"weak": 1, "moderate": 2, "strong": 3}}
    rates = measured_rates(_seen("screenshot", [9] * 3 + [0] * 97), limits)
    assert too_often_strong(rates) == ["noise, screenshot: strong on 3.0% of 100 authentic images"]
    assert "screenshot" in rates_table(rates)


def test_images_are_examined_in_every_class(tmp_path):
    authentic, forged, mask = (tmp_path / name for name in ("a.jpg", "f.jpg", "m.png"))
    authentic.write_bytes(as_jpeg(photo(), 90))
    made = photo().copy()
    truth = np.zeros_like(made)
    truth[150:300, 100:250] = 255
    made[truth > 0] = np.clip(made[truth > 0] + np.random.default_rng(0).normal(0, 40, (truth > 0).sum()), 0, 255)
    forged.write_bytes(as_jpeg(made, 95))
    mask.write_bytes(as_png(truth))
    items = [
        {"file_name": str(authentic), "authentic": True, "mask_file_name": None},
        {"file_name": str(forged), "authentic": False, "mask_file_name": str(mask)},
    ]
    seen = examine_images(items, ["noise", "metadata"])
    assert [one.kind for one in seen if one.witness == "noise"] == [*CLASSES, "forged"]
    assert [one.overlaps for one in seen if one.witness == "noise" and one.kind == "forged"] == [True]
    assert all(one.strength is None for one in seen if one.witness == "metadata")


def test_made_forgeries_are_what_they_say():
    pixels = np.ascontiguousarray(photo()[:, :, ::-1])
    made = {kind: (Exhibit.read(data), truth) for kind, data, truth in made_forgeries(pixels)}
    assert set(made) == {"part on another grid", "part of quality 60", "part with more noise"}
    for exhibit, truth in made.values():
        changed = np.abs(exhibit.pixels.astype(int) - pixels).max(axis=2) > 24
        assert truth.mean() == pytest.approx(1 / 9, rel=0.1) and changed[truth].mean() > 2 * changed[~truth].mean()
