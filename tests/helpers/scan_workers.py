"""Stand-ins for a scan's workers and for its detector."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

from constrained_rcnn.apps.files import read_bytes, reason
from constrained_rcnn.apps.image_pages import Item
from constrained_rcnn.apps.scan.shard import ShardJob, ShardWorker
from constrained_rcnn.utils.provenance import now


@dataclass(frozen=True)
class NoNetwork:
    """In place of a network that nobody asks anything.

    Attributes:
        config: what it is configured by.
    """

    config: str = "none"
    gpu: bool = False

    def about(self) -> dict:
        digest = hashlib.sha256(self.config.encode()).hexdigest()
        return {"weights": {"file": "none.pth", "sha256": "0" * 64}, "config_sha256": digest, "versions": {}}

    def config_text(self) -> str:
        return self.config

    def threads(self) -> int:
        return 1


class Died(BaseException):
    """What a worker's death is in a process that has to live on."""


def record(file: str, data: bytes, about: dict) -> dict:
    """What ``detect`` would write of an image: its score is its first byte."""
    return {
        "file": file, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "time": now(), **about,
        "name": "", "width": 4, "height": 3, "views": 1, "tiles": 1, "score": data[0] / 255, "threshold": 0.5,
        "manipulated": data[0] > 127, "techniques": ["splice"], "detections": [], "repeats": [],
    }  # fmt: skip


class FirstByte:
    """Detects without a network; a file that holds ``kills`` costs its worker's life."""

    def __init__(self, job: ShardJob, die):
        self._about, self._die = job.about, die

    def __call__(self, item: Item) -> dict | str:
        try:
            data = read_bytes(item.file)
        except OSError as error:
            return reason(error, item.file)
        if data == b"kills":
            self._die()
        return record(str(item), data, self._about)


def _raise():
    raise Died


def first_byte(job: ShardJob) -> FirstByte:
    return FirstByte(job, _raise)


def first_byte_in_a_process(job: ShardJob) -> FirstByte:
    return FirstByte(job, lambda: os._exit(3))


@dataclass
class Here:
    """A worker in this process; where it dies, another one is handed the same shard, as Ray does.

    Attributes:
        stop_after: shards, after which the run's own process "is killed".
        handed: the shards that were handed out, in their order, again after each death.
    """

    stop_after: int = -1
    handed: list[int] = field(default_factory=list)
    count: int = 1
    address: str | None = None

    def run(self, job, shards):
        worker = ShardWorker(job)
        for done, shard in enumerate(shards):
            if done == self.stop_after:
                raise Died
            while True:
                self.handed.append(shard)
                try:
                    yield worker(shard)
                    break
                except Died:
                    worker = ShardWorker(job)
