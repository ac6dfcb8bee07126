"""What a scan has found so far, in numbers: of all shards that are finished, whichever run did them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet

from ...utils.files import printable, write_json_atomic
from ..inputs import Inputs
from .manifest import RESULTS, Manifest, missing_shards, shard_file
from .schema import SKIPPED

SUMMARY = "summary.json"
#: Reasons that are named, the commonest ones; files of the others are counted together.
MOST_REASONS = 50


def write_summary(folder: Path, manifest: Manifest, about: dict, found: Inputs) -> dict:
    """Counts the rows of the finished shards and writes ``summary.json``.

    Args:
        folder: of the scan.
        about: see :func:`..detect.network.about_of`.
        found: what the inputs of this run led to.

    Returns:
        What it holds.
    """
    statuses: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    missing = set(missing_shards(folder, manifest.shards))
    for number in range(manifest.shards):
        if number not in missing:
            table = pyarrow.parquet.read_table(shard_file(folder, number), columns=["status", "reason"])
            statuses.update(table.column("status").to_pylist())
            reasons.update(reason for reason in table.column("reason").to_pylist() if reason)
    skipped = statuses.pop(SKIPPED, 0)
    common = dict(reasons.most_common(MOST_REASONS))
    if len(reasons) > MOST_REASONS:
        common["other reasons"] = skipped - sum(common.values())
    summary = {
        "complete": not missing,
        "files": manifest.files,
        "shards": manifest.shards,
        "finished_shards": manifest.shards - len(missing),
        "examined": sum(statuses.values()),
        "by_status": dict(statuses.most_common()),
        "skipped": skipped,
        "skipped_by_reason": common,
        "inputs_that_lead_nowhere": [{"input": one, "reason": why} for one, why in found.lost],
        **about,
    }
    write_json_atomic(folder / SUMMARY, summary, indent=2)
    return summary


def say(summary: dict, folder: Path, found: Inputs) -> None:
    """Prints it for people."""
    left = summary["files"] - summary["examined"] - summary["skipped"]
    unfinished = f", {left} to go: give the same command again" if left else ""
    print(f"{summary['examined']} images examined, {summary['skipped']} skipped{unfinished}; results in "
          f"{printable(folder / RESULTS)}, see {SUMMARY}")  # fmt: skip
    for reason, count in summary["skipped_by_reason"].items():
        print(f"skipped: {count} {'file' if count == 1 else 'files'}: {reason}")
    for one, why in found.lost:
        print(f"skipped: {one}: {why}")
    for line in found.left_out_lines():
        print(f"left out: {line}")
