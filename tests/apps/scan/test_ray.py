"""A scan by Ray's workers on this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar

import pytest

if importlib.util.find_spec("ray") is None:  # not imported: it reads its variables of the environment then
    pytest.skip("ray is not installed: the extra [ray]", allow_module_level=True)
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: the extra [ray]")

from constrained_rcnn.apps.scan.cluster import RayWorkers  # noqa: E402
from constrained_rcnn.apps.scan.run import scan  # noqa: E402
from constrained_rcnn.apps.scan.shard import DIED  # noqa: E402
from constrained_rcnn.model_zoo import config_file  # noqa: E402
from tests.helpers.scan_workers import first_byte_in_a_process  # noqa: E402

LOOPBACK = ("0100007F:", "0000000000000000FFFF00000100007F:")


class Watched(RayWorkers):
    """Notes who listens while it works.

    Attributes:
        addresses: hexadecimal, of every socket of this machine that listens.
    """

    addresses: ClassVar[set[str]] = set()

    def run(self, job, shards):
        for outcome in super().run(job, shards):
            self.addresses.update(listening())
            yield outcome


def listening() -> set[str]:
    """``address:port`` of sockets that listen, as Linux writes them."""
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text().splitlines()]
    return {fields[1] for fields in lines if fields[3] == "0A"}


def test_two_workers_one_of_which_is_killed_over_a_file(tmp_path, options):
    before = listening()
    (tmp_path / "photos").mkdir()
    for number in range(7):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"kills" if number == 4 else bytes([30 * number, 1]))
    status = scan(
        str(tmp_path / "out"), [str(tmp_path / "photos")], None, None, shard_files=2, threads=1, copy_move=True,
        config_file=config_file("constrained_rcnn_small.yaml"), options=options, workers=Watched(2),
        make=first_byte_in_a_process,
    )  # fmt: skip
    assert status == 1
    found = parquet.read_table(tmp_path / "out" / "results").to_pylist()
    assert [row["file"] for row in found] == [str(tmp_path / "photos" / f"{number}.jpg") for number in range(7)]
    assert [row["reason"] for row in found] == [DIED if number == 4 else None for number in range(7)]
    # Loopback, and loopback as IPv6 writes it; a test beside this one listens there, too.
    beyond = {one for one in Watched.addresses - before if not one.startswith(LOOPBACK)}
    assert len(Watched.addresses) > len(before) and beyond == set()
