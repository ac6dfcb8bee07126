"""Ray's workers on this machine, with a stand-in for the network."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

if importlib.util.find_spec("ray") is None:  # not imported: it reads its variables of the environment then
    pytest.skip("ray is not installed: the extra [ray]", allow_module_level=True)
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: the extra [ray]")

from constrained_rcnn.apps.scan.cluster import RayWorkers  # noqa: E402
from constrained_rcnn.apps.scan.manifest import write_manifest  # noqa: E402
from constrained_rcnn.apps.scan.shard import DIED, ShardJob  # noqa: E402
from tests.helpers.scan_workers import NoNetwork, first_byte_in_a_process  # noqa: E402

#: Loopback as Linux writes it, and as IPv6 writes that.
LOOPBACK = ("0100007F:", "0000000000000000FFFF00000100007F:")


def listening() -> set[str]:
    """Hexadecimal ``address:port`` of every socket of this machine that listens."""
    tables = [path for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if path.is_file()]
    lines = [line.split() for table in tables for line in table.read_text().splitlines()]
    return {fields[1] for fields in lines if fields[3] == "0A"}


def test_two_workers_one_of_which_is_killed_over_a_file(tmp_path):
    photos = [tmp_path / f"{number}.jpg" for number in range(7)]
    for number, photo in enumerate(photos):
        photo.write_bytes(b"kills" if number == 4 else bytes([30 * number, 1]))
    write_manifest(tmp_path, [os.fsencode(photo) for photo in photos], shard_files=2)
    job = ShardJob(tmp_path, "a run", b"", False, NoNetwork().about(), True, 1, first_byte_in_a_process)
    before, outcomes, addresses = listening(), [], set()
    for outcome in RayWorkers(2).run(job, range(4)):
        outcomes.append(outcome)
        addresses |= listening() - before
    assert sorted(outcome["shard"] for outcome in outcomes) == [0, 1, 2, 3]
    assert {outcome["error"] for outcome in outcomes} == {""}
    found = parquet.read_table(tmp_path / "results").to_pylist()
    assert [row["file"] for row in found] == [str(photo) for photo in photos]
    assert [row["reason"] for row in found] == [DIED if number == 4 else None for number in range(7)]
    assert addresses and all(address.startswith(LOOPBACK) for address in addresses)  # nothing beyond this machine
