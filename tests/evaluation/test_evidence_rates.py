from __future__ import annotations

import numpy as np
import pytest

from constrained_rcnn.evaluation.evidence import Seen
from constrained_rcnn.evaluation.evidence_rates import (
    choose_thresholds,
    measured_rates,
    rates_table,
    recognition,
    recognition_table,
    refused,
    upper_bound,
)
from constrained_rcnn.evidence.finding import Level

LIMITS = {"noise": {"weak": 1, "moderate": 2, "strong": 3}}


def seen(kind: str, strengths, witness="noise", overlaps=None):
    return [Seen(witness, kind, float(one), Level.NOTHING_FOUND, overlaps) for one in strengths]


def test_thresholds_come_from_the_worst_class():
    found = seen("reduced", range(1000)) + seen("screenshot", np.arange(1000) * 0.9) + seen("forged", [5000])
    chosen, left_out = choose_thresholds(found)
    assert chosen["noise"]["weak"] == pytest.approx(900, abs=2)
    assert chosen["noise"]["moderate"] == pytest.approx(970, abs=2)
    assert chosen["noise"]["strong"] == pytest.approx(1.2 * 995, abs=3)
    assert not left_out
    rates = measured_rates(found, chosen)
    assert rates["noise"]["authentic"]["reduced"]["strong"] <= 0.005 and not refused(rates, left_out)


def test_class_far_above_all_others_is_left_out_instead():
    found = seen("reduced", range(1000)) + seen("screenshot", np.arange(1000) * 3)
    chosen, left_out = choose_thresholds(found)
    assert chosen["noise"]["weak"] == pytest.approx(900, abs=2)
    assert left_out == {"noise": ["screenshot"]}
    assert refused(measured_rates(seen("screenshot", [0] * 9), chosen), left_out) == {"noise": ["screenshot"]}


def test_bounds_on_false_alarms_stay():
    chosen, _ = choose_thresholds(seen("reduced", [0.0] * 100, "block_grid"))
    assert chosen["block_grid"]["strong"] == 2.0


def test_counts_and_bounds():
    rates = measured_rates(seen("reduced", [0] * 97 + [1.5, 2.5, 9]), LIMITS)["noise"]["authentic"]["reduced"]
    assert rates["counts"] == {"nothing_found": 97, "weak": 1, "moderate": 1, "strong": 1, "cannot_be_judged": 0}
    assert rates["upper"]["weak"] == pytest.approx(upper_bound(3, 100), abs=1e-4)
    assert rates["upper"]["strong"] == pytest.approx(upper_bound(1, 100), abs=1e-4)


@pytest.mark.parametrize(("count", "number"), [(0, 1), (0, 150), (1, 150), (7, 40), (39, 40), (299, 300)])
def test_bound_is_that_of_the_beta_distribution(count, number):
    stats = pytest.importorskip("scipy.stats")
    assert upper_bound(count, number) == pytest.approx(stats.beta.ppf(0.95, count + 1, number - count), abs=1e-9)


def test_bound_of_all_is_one():
    assert upper_bound(5, 5) == 1


def test_rates_of_forgeries_and_their_overlap():
    found = seen("forged", [0, 1.5, 2.5, 9], overlaps=True) + seen("forged", [9], overlaps=False)
    found += [Seen("noise", "forged", None, Level.CANNOT_BE_JUDGED)]
    rates = measured_rates(found, LIMITS)["noise"]["forged"]["forged"]
    assert rates["images"] == 6 and rates["strong"] == pytest.approx(2 / 6, abs=1e-3)
    assert rates["told"] == 4 and rates["overlaps"] == 0.75


def test_classes_too_often_strong_are_refused():
    rates = measured_rates(seen("screenshot", [9] * 2 + [0] * 98) + seen("reduced", [9] + [0] * 99), LIMITS)
    assert refused(rates, {}) == {"noise": ["screenshot"]}
    assert "screenshot" in rates_table(rates)


def test_recognition_of_classes():
    classes = [("reduced", ("reduced",)), ("reduced", ("reduced", "social media")), ("reduced", ("camera original",))]
    found = recognition([*classes, ("screenshot", ("screenshot",))])
    assert found["reduced"]["images"] == 3 and found["reduced"]["among"] == 2 and found["reduced"]["only"] == 1
    assert found["reduced"]["candidates"] == pytest.approx(4 / 3, abs=0.01)
    assert found["reduced"]["upper_missed"] == pytest.approx(upper_bound(1, 3), abs=1e-4)
    assert [line.split()[0] for line in recognition_table(found).splitlines()] == ["class", "reduced", "screenshot"]
