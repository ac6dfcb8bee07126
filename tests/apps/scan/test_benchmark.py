"""What the benchmark counts; what it measures is nobody's to promise."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra [ray]")

from constrained_rcnn.apps.scan.benchmark import SHARD_FILES, benchmark, rate  # noqa: E402
from constrained_rcnn.utils.errors import UserError  # noqa: E402


def outcome(worker, began, ended, error=""):
    return {"worker": worker, "began": began, "ended": ended, "error": error}


def test_rates_of_workers_add_up_from_each_ones_first_file():
    done = [outcome(1, 10, 12), outcome(2, 20, 21), outcome(1, 13, 14)]
    assert rate(done) == pytest.approx(2 * SHARD_FILES / 4 + SHARD_FILES / 1)
    with pytest.raises(UserError, match="full"):
        rate([outcome(1, 0, 1, "the disk is full")])


def test_too_few_images(tmp_path):
    with pytest.raises(UserError, match="--images 7: too few for 2 workers; take 8 or more"):
        next(benchmark(tmp_path, 7, 64, 2, 1))
