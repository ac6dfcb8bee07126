"""Ablations: every row is a config that builds, trains and is evaluated; finished rows are not done again."""

import pytest

from constrained_rcnn.config import load_config
from constrained_rcnn.engine import ablations
from constrained_rcnn.engine.ablations import ABLATIONS, METRICS, run_ablations, table
from constrained_rcnn.model_zoo import config_file
from constrained_rcnn.utils.errors import UserError
from tests.helpers.tiny import TINY
from tests.helpers.tiny_data import write_set

DENSE = config_file("constrained_rcnn_small_forgeries.yaml")


@pytest.mark.parametrize("ablation", ABLATIONS, ids=lambda ablation: ablation.name)
def test_every_row_changes_the_config(ablation):
    plain, changed = load_config(DENSE), load_config(DENSE, list(ablation.options))
    assert (plain == changed) == (ablation is ABLATIONS[0])
    if ablation.trained_as:  # the checkpoint of the other row fits: nothing of what is trained differs
        assert set(ablation.options[::2]) == {"MODEL.DENSE_MAP.FUSION"}
        assert ablation.trained_as in [other.name for other in ABLATIONS if other.trained_as is None]


def test_rows_are_trained_once_and_evaluated(tmp_path, monkeypatch):
    train = write_set(tmp_path / "data", "train", 6, authentic_every=2)
    val = write_set(tmp_path / "held_out", "val", 6, authentic_every=2, seed=1)
    options = [*TINY, "MODEL.DENSE_MAP.CHANNELS", "64", "SOLVER.MAX_ITER", "2"]
    options += ["DATASETS.TRAIN", f"('{train}',)", "INPUT.CROP.SIZE", "[64, 64]", "TEST.REPEATS", "False"]
    names = ["complete", "boxes alone in the map", "no error levels"]
    evaluations, plain = [], ablations.run
    monkeypatch.setattr(ablations, "run", lambda args: [evaluations.append(args.eval_only), plain(args)])
    rows = run_ablations(DENSE, [val], str(tmp_path / "out"), names=names, options=options)
    assert evaluations == [False, True, True, False, True]
    assert [row["name"] for row in rows] == names
    for row in rows:
        assert set(row["results"]["val"]) == set(METRICS)
        assert 0 <= row["results"]["val"]["f1_best"]["value"] <= 1
    assert run_ablations(DENSE, [val], str(tmp_path / "out"), names=names, options=options) == rows
    assert len(evaluations) == 5  # nothing was done again
    lines = table(rows).splitlines()
    assert len(lines) == 5 and lines[2].startswith("| complete | 0.") and lines[2].count("/") == 3


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such ablation; there are complete, "):
        run_ablations(DENSE, ["x"], str(tmp_path), names=["nothing"])
