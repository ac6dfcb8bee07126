from __future__ import annotations

import base64
import re

import cv2
import numpy as np

from constrained_rcnn.apps.evidence.findings import record_of, strongest
from constrained_rcnn.apps.evidence.sheet import MOST_MAPS, sheet
from constrained_rcnn.evidence import Finding, Level

ABOUT = {"file": "<b>a.png", "sha256": "0" * 64, "bytes": 9, "time": "now", "format": "PNG", "version": "1"}
IMAGE = np.full((300, 1500, 3), (255, 0, 0), np.uint8)


def finding(level=Level.WEAK, **more):
    return Finding("noise", "Noise", "noise", level, "It is so.", look_for="It.", ignore="Not it.",
                   innocent_causes=("cloth",), **more)  # fmt: skip


def page_of(*findings):
    return sheet(ABOUT, IMAGE, findings, record_of(findings, gps=False))


def with_map(level=Level.WEAK, **more):
    return finding(level, map=np.eye(8, 40, dtype=np.float32), **more)


def test_the_strongest_map_is_shown_first():
    page = page_of(with_map(), finding(Level.STRONG), with_map(Level.MODERATE), with_map(Level.NOTHING_FOUND))
    assert re.findall(r'id="(\S+)" checked', page) == ["pick-2", "step-50"]
    assert re.findall(r'id="(\S+)" checked', page_of(with_map(Level.NOTHING_FOUND))) == ["map-none", "step-50"]


def test_a_sheet_without_maps_has_no_slider():
    page = page_of(finding())
    assert "<input" not in page and "No witness has a map" in page


def test_regions_are_drawn_in_pixels_of_the_image_and_told():
    page = page_of(with_map(regions=((10, 20, 110, 70),) * 14))
    assert 'viewBox="0 0 1500 300"' in page and page.count('x="10" y="20" width="100" height="50"') == 2 * 2 * 12
    assert "10, 20 to 110, 70" in page and "; 2 more" in page


def test_images_are_small_and_the_map_keeps_its_place():
    found = re.findall(r'<image id="\S+" href="data:image/jpeg;base64,(\S+)"', page_of(with_map()))
    stored = [np.frombuffer(base64.b64decode(data), np.uint8) for data in found]
    photo, made = (cv2.imdecode(data, cv2.IMREAD_COLOR) for data in stored)
    assert photo.shape == (192, 960, 3) and photo[0, 0, 0] > 200 and made.shape == (8, 40, 3)
    assert made[0, 0].sum() > made[0, 30].sum()


def test_no_more_maps_than_the_style_sheet_knows():
    page = page_of(*[with_map()] * (MOST_MAPS + 2))
    assert f'id="map-{MOST_MAPS}"' in page and f'id="map-{MOST_MAPS + 1}"' not in page
    style = page[page.index("<style>") : page.index("</style>")]
    for number in range(1, MOST_MAPS + 1):
        assert f".pick-{number}:checked ~ .steps .layer-{number}" in style


def test_facts_are_readable_and_escaped():
    facts = {"a_name": {"<i>": ["<b>", 2], "empty": None}, "gps": {"latitude": 52.5}, "flag": False}
    page = page_of(finding(facts=facts))
    assert "<dt>a name</dt>" in page and "<dd>&lt;b&gt;, 2</dd>" in page and "<dt>&lt;i&gt;</dt>" in page
    assert "52.5" not in page and "not shown unless --gps" in page and "empty" not in page
    assert "<b>a.png" not in page


def test_findings_are_compared_and_never_added_up():
    assert strongest([Level.WEAK] * 9) is Level.WEAK
    assert strongest([Level.CANNOT_BE_JUDGED, Level.NOTHING_FOUND]) is Level.NOTHING_FOUND
    assert strongest([]) is Level.CANNOT_BE_JUDGED
