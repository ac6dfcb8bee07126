from __future__ import annotations

import pytest

from constrained_rcnn.evidence import rates as rates_module
from constrained_rcnn.evidence.file_class import CLASSES
from constrained_rcnn.evidence.finding import Level
from constrained_rcnn.evidence.rates import (
    ALLOWED,
    MEASURED_PIXELS,
    as_much,
    level_of,
    rates_file,
    refused_classes,
)
from constrained_rcnn.evidence.registry import WITNESSES


def test_words_of_numbers():
    for witness, limits in rates_file()["thresholds"].items():
        assert witness in WITNESSES
        numbers = [limits[level.value] for level in ALLOWED]
        assert numbers == sorted(numbers)
        assert level_of(witness, numbers[0] - 1e-6) is Level.NOTHING_FOUND
        for level, number in zip(ALLOWED, numbers):
            assert level_of(witness, number).rank >= level.rank
        assert level_of(witness, numbers[-1], MEASURED_PIXELS) is Level.STRONG
        assert level_of(witness, numbers[-1], MEASURED_PIXELS + 1) is Level.WEAK


def test_rates_are_shares_and_strong_is_rare():
    for witness, measured in rates_file()["witnesses"].items():
        assert witness in WITNESSES
        for shares in [*measured["authentic"].values(), *measured["forged"].values()]:
            assert sum(shares[level.value] for level in Level) == pytest.approx(1, abs=1e-3)
        refused = rates_file()["refused"].get(witness, [])
        for kind, shares in measured["authentic"].items():
            assert kind in CLASSES and sum(shares["counts"].values()) == shares["images"]
            assert kind in refused or shares["counts"]["strong"] <= max(1, 0.01 * shares["images"]), (witness, kind)


@pytest.fixture
def measured(monkeypatch):
    """Rates of one witness in two classes, one of them refused."""

    def shares(weak: int, strong: int, upper: float):
        counts = {"nothing_found": 200 - weak - strong, "weak": weak, "moderate": 0, "strong": strong}
        return {"images": 200, "counts": counts, "upper": {"weak": upper, "moderate": upper / 2, "strong": upper / 4}}

    made = {
        "witnesses": {"noise": {"authentic": {"reduced": shares(10, 0, 0.08), "screenshot": shares(30, 9, 0.3)}}},
        "refused": {"noise": ["screenshot"]},
    }
    monkeypatch.setattr(rates_module, "rates_file", lambda: made)


def test_rate_is_that_of_the_worst_class_that_remains(measured):
    assert as_much("noise", Level.WEAK, ("reduced",)).count == 10
    both = as_much("noise", Level.WEAK, ("reduced", "screenshot", "camera original"))
    assert (both.file_class, both.count, both.images, both.upper) == ("screenshot", 39, 200, 0.3)
    assert as_much("noise", Level.STRONG, ("reduced", "screenshot")).count == 9
    assert both.sentence == (
        "In 39 of 200 untouched images of this kind (screenshot) it says as much "
        "(with 95% confidence in at most 30.0%)."
    )


def test_no_rate_where_nothing_was_found_or_measured(measured):
    assert as_much("noise", Level.NOTHING_FOUND, ("reduced",)) is None
    assert as_much("noise", Level.WEAK, ("camera original",)) is None
    assert as_much("metadata", Level.WEAK, ("reduced",)) is None


def test_refused_classes(measured):
    assert refused_classes("noise", ("reduced", "screenshot")) == ["screenshot"]
    assert refused_classes("noise", ("reduced",)) == [] and refused_classes("block_grid", CLASSES) == []


def test_scale_is_ordered():
    assert [level.words for level in sorted(Level, key=lambda one: one.rank)] == [
        "cannot be judged", "nothing found", "weak", "moderate", "strong",
    ]  # fmt: skip
