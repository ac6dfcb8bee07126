from __future__ import annotations

import dataclasses

import pytest

from constrained_rcnn.apps.evidence.error_rate import error_rate, rates_table, worst_share
from constrained_rcnn.evidence import Finding, Level
from constrained_rcnn.evidence.rates import AsMuch


def words(images, **shares):
    return {"images": images, **{level.value: shares.get(level.value, 0.0) for level in Level}}


RATES = {
    "authentic": {
        "as they are": words(150, nothing_found=0.9, weak=0.08, moderate=0.02),
        "screenshot": words(30, nothing_found=0.7, weak=0.2, moderate=0.1),
        "of none": words(0),
    },
    "forged": {"pasted": words(20, nothing_found=0.4, strong=0.6), "of none": words(0)},
}


def finding(level, rates=RATES):
    return Finding("noise", "Noise", "noise", level, "It is so.", rates=rates)


@pytest.mark.parametrize(
    ("level", "said", "share"),
    [
        (Level.WEAK, "“weak” or more of 10% to 30% of", "up to 30%"),
        (Level.MODERATE, "“moderate” or more of 2.0% to 10% of", "up to 10%"),
        (Level.STRONG, "It says “strong” of none of 30 images that nobody manipulated.", "none of 30"),
        (Level.NOTHING_FOUND, "Of the forgeries that it was tried on it found nothing in 40% (pasted).", ""),
        (Level.CANNOT_BE_JUDGED, "", ""),
    ],
)
def test_each_word_has_its_error_rate(level, said, share):
    assert said in error_rate(finding(level)) and worst_share(finding(level)) == share
    if level in (Level.WEAK, Level.MODERATE):
        assert error_rate(finding(level)).endswith("nobody manipulated, most often of this kind: screenshot.")


def test_the_rate_of_the_file_s_own_class_goes_first():
    rate = AsMuch("screenshot", 30, 9, 0.46)
    told = dataclasses.replace(finding(Level.WEAK), as_much=rate)
    assert error_rate(told) == rate.sentence and worst_share(told) == "9 of 30"


@pytest.mark.parametrize("level", [Level.WEAK, Level.STRONG, Level.NOTHING_FOUND])
def test_what_was_not_measured_says_so(level):
    assert error_rate(finding(level, None)).startswith("Not measured")
    assert worst_share(finding(level, None)) == ("" if level is Level.NOTHING_FOUND else "not measured")
    assert rates_table(finding(level, None)) == []


def test_table_has_every_kind_that_was_measured():
    rows = rates_table(finding(Level.WEAK))
    assert [row["kind"] for row in rows] == ["as they are", "screenshot"]
    assert rows[0]["shares"] == pytest.approx([90, 8, 2, 0, 0])
