from __future__ import annotations

import pytest

from constrained_rcnn.evidence.finding import Level
from constrained_rcnn.evidence.rates import ALLOWED, MEASURED_PIXELS, level_of, rates_file
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
        for kind, shares in measured["authentic"].items():
            assert shares["strong"] * shares["images"] <= max(1, 0.01 * shares["images"]) + 0.01, (witness, kind)


def test_scale_is_ordered():
    assert [level.words for level in sorted(Level, key=lambda one: one.rank)] == [
        "cannot be judged", "nothing found", "weak", "moderate", "strong",
    ]  # fmt: skip
