"""The benchmark of an index counts what all pairs share and what the index finds, and draws how an index grows."""

from __future__ import annotations

import xml.etree.ElementTree as tree

import cv2
import pytest
from skimage import data

from constrained_rcnn.apps.commands import benchmark_archive
from constrained_rcnn.benchmarks.archive import against_all_pairs
from constrained_rcnn.benchmarks.archive_growth import growth
from tests.helpers.archives import make_archive


@pytest.fixture(scope="module")
def dicts(tmp_path_factory):
    folder = make_archive(tmp_path_factory.mktemp("archive") / "images")
    groups = {"original.png": "a", "altered.jpg": "a", "small.jpg": "a", "cat.png": "b", "rocket.jpg": "c"}
    return [{"file_name": str(folder / name), "group": group} for name, group in groups.items()]


def test_against_all_pairs(dicts):
    found = against_all_pairs(dicts, candidates=5, strangers=2)
    assert (found["images"], found["pairs"], found["found"], found["found_by_one"]) == (5, 3, 1.0, 1.0)
    assert (found["strangers"], found["strangers_sharing"]) == (2, 0)
    assert found["rows"] > 1000 and all(found[key] >= 0 for key in ("describe", "add", "ask", "compare"))
    one = against_all_pairs(dicts[:3], candidates=1)
    assert one["found"] < 1 and one["found_by_one"] == pytest.approx(0.5)


def test_growth_and_its_curves(tmp_path):
    photos = [cv2.resize(image[:, :, ::-1], (300, 220)) for image in (data.coffee(), data.chelsea())]
    rows = list(growth(photos, [6, 12], edits=1, questions=1, candidates=2))
    assert [row["images"] for row in rows] == [6, 12] and rows[1]["rows"] > rows[0]["rows"]
    assert all(1 <= row["sharing"] <= 2 and row["bytes"] > 24 * row["rows"] for row in rows)
    benchmark_archive._draw(str(tmp_path / "growth.svg"), rows)
    drawing = tree.parse(tmp_path / "growth.svg").getroot()
    assert [node.text for node in drawing.iter() if node.get("class") == "title"] == [
        "Building", "Size", "Asking for candidates",
    ]  # fmt: skip
    assert len([node for node in drawing.iter() if node.tag.endswith("circle")]) == 6


@pytest.mark.parametrize("value, top", [(0.03, 0.04), (0.9, 1), (1, 1), (7, 8), (93, 100), (1000, 1000), (1001, 2000)])
def test_axes_end_at_round_numbers(value, top):
    assert benchmark_archive._round_up(value) == pytest.approx(top)
