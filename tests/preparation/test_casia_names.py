"""Names of CASIA files and which mask belongs to which image."""

from __future__ import annotations

from pathlib import Path

import pytest

from constrained_rcnn.preparation.sources.casia_names import (
    authentic_id,
    distance,
    match_masks,
    parse_tampered,
)


def test_names():
    name = parse_tampered("Sp_S_NNN_R_T_txt0003_txt0004.0002")
    assert (name.kind, name.letters, name.first, name.second, name.number) == (
        "S",
        "NNN_R_T",
        "txt0003",
        "txt0004",
        "0002",
    )
    assert name.text == "Sp_S_NNN_R_T_txt0003_txt0004_0002"
    version_2 = parse_tampered("Tp_D_NRN_S_B_ani10111_ani00001_12345")
    assert (version_2.set, version_2.first, version_2.letters) == ("Tp", "ani10111", "NRN_S_B")
    assert parse_tampered("Au_ani_0001") is None and parse_tampered("holiday") is None
    assert authentic_id("Au_sec_0012") == "sec0012" and authentic_id("Au_ind_00012") == "ind00012"
    assert authentic_id("sec0012") is None


@pytest.mark.parametrize(
    "first, second, expected",
    [
        ("", "", 0),
        ("abc", "abc", 0),
        ("ant", "nat", 1),
        ("sce", "sec", 1),
        ("kitten", "sitting", 3),
        ("ab", "", 2),
        ("ca", "abc", 3),
    ],
)
def test_distance(first, second, expected):
    assert distance(first, second) == distance(second, first) == expected


def test_a_guess_never_takes_a_mask_that_has_its_owner():
    images = [Path("Sp_D_NRN_A_ani0001_ani0002_0001.jpg"), Path("Sp_D_NRN_A_ani0002_ani0001_0001.jpg")]
    masks = [Path("Sp_D_NRN_A_ani0002_ani0001_0001_gt.png")]
    matches = match_masks(images, masks, {}, lambda *_: True)
    assert {image.stem: match.method for image, match in matches.items()} == {
        "Sp_D_NRN_A_ani0002_ani0001_0001": "exact"
    }


def test_a_typo_needs_the_pixels_consent():
    images = [Path("Sp_D_NRN_A_ant0063_nat0065_0443.jpg")]
    masks = [Path("Sp_D_NRN_A_nat0063_nat0065_0443_gt.png"), Path("Sp_D_NRN_A_pla0063_nat0065_0444_gt.png")]
    assert match_masks(images, masks, {}, lambda *_: False) == {}
    (match,) = match_masks(images, masks, {}, lambda *_: True).values()
    assert match.method == "typo" and match.mask == masks[0] and match.name.first == "nat0063"
