"""The strength of a preset is what the baselines score on sets of it."""

import math

import pytest

from constrained_rcnn.evaluation.baselines import BASELINES
from constrained_rcnn.evaluation.preset_strength import preset_strength
from constrained_rcnn.synthesis.scenes import render_scene
from constrained_rcnn.utils.errors import UserError

PHOTOS = [(str(seed), render_scene(seed, (150, 180))) for seed in range(5)]


def test_every_baseline_is_scored_on_forgeries_and_counterparts():
    summaries = preset_strength(PHOTOS, "careful", 4, 0, size=(96, 128))
    assert set(summaries) == set(BASELINES)
    for summary in summaries.values():
        assert summary["counts"]["n_manipulated"] == 4 and summary["counts"]["n_authentic"] == 4
        assert 0 <= summary["metrics"]["f1_best"] <= 1
    all_ones = summaries["all_ones"]["metrics"]
    assert math.isclose(all_ones["f1_best"], all_ones["f1_floor"])
    repeated = preset_strength(PHOTOS, "careful", 4, 0, size=(96, 128), workers=1)
    assert repeated["centre_prior"]["metrics"]["auc"] == summaries["centre_prior"]["metrics"]["auc"]


def test_rgbn_is_scored_by_its_splices():
    assert preset_strength(PHOTOS, "rgbn", 2, 0)["all_ones"]["counts"]["n_manipulated"] == 2


def test_unknown_preset():
    with pytest.raises(UserError, match="nonesuch"):
        preset_strength(PHOTOS, "nonesuch", 2, 0)
