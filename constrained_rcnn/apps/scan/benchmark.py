"""What Ray costs: its workers against as many processes that know nothing of each other, in one run."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ...utils.errors import UserError
from ...utils.files import write_jpeg_atomic
from .cluster import RayWorkers
from .manifest import Manifest, write_manifest
from .network import ScanNetwork
from .shard import ShardJob, ShardWorker, make_detector

#: Files in a shard.
SHARD_FILES = 2


def benchmark(folder: Path, images: int, size: int, workers: int, rounds: int) -> Iterator[dict]:
    """Scans the same images, noise, by both in turn.

    Args:
        folder: empty, for images and results.
        images: how many, at least ``2 * workers`` shards of them.
        size: of their sides, pixels.
        workers: processes of one thread each, and workers of Ray.
        rounds: of both.

    Yields:
        ``ray`` and ``processes``, images a second while they work (each worker's own rate, added up; starting and
        loading the network are not in it), and ``ratio``.

    Raises:
        UserError: too few images.
    """
    if images < 2 * workers * SHARD_FILES:
        raise UserError(f"--images {images}: too few for {workers} workers; take {2 * workers * SHARD_FILES} or more")
    network = ScanNetwork.load(None, [])
    about, files = network.about(), _images(folder / "images", images, size)
    for number in range(rounds):
        rates = {}
        for kind, run in (("processes", _separately), ("ray", _by_ray)):
            own = folder / f"{kind}-{number}"
            write_manifest(own, files, SHARD_FILES)
            job = ShardJob(own, uuid.uuid4().hex, pickle.dumps(network), network.gpu, about, True, 1, make_detector)
            rates[kind] = rate(run(job, range(Manifest(own).shards), workers))
        yield {**rates, "ratio": rates["ray"] / rates["processes"]}


def rate(outcomes: Iterable[dict]) -> float:
    """Files a second, each worker's own rate from its first file to its last, added up."""
    spans: dict[int, tuple[float, float, int]] = {}
    for outcome in outcomes:
        if outcome["error"]:
            raise UserError(outcome["error"])
        began, ended, files = spans.get(outcome["worker"], (float("inf"), 0.0, 0))
        spans[outcome["worker"]] = (
            min(began, outcome["began"]), max(ended, outcome["ended"]), files + SHARD_FILES
        )  # fmt: skip
    return sum(files / (ended - began) for began, ended, files in spans.values())


def _images(folder: Path, count: int, size: int) -> list[bytes]:
    random = np.random.default_rng(0)
    files = [folder / f"{number}.jpg" for number in range(count // SHARD_FILES * SHARD_FILES)]
    for file in files:
        write_jpeg_atomic(file, random.integers(0, 256, (size, size, 3), np.uint8), 90)
    return [os.fsencode(file.absolute()) for file in files]


def _by_ray(job: ShardJob, shards: Sequence[int], workers: int) -> list[dict]:
    return list(RayWorkers(workers).run(job, shards))


def _separately(job: ShardJob, shards: Sequence[int], workers: int) -> list[dict]:
    parts = [shards[first::workers] for first in range(workers)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        done = pool.starmap(_alone, [(job, part) for part in parts], chunksize=1)
    return [outcome for outcomes in done for outcome in outcomes]


def _alone(job: ShardJob, shards: Sequence[int]) -> list[dict]:
    worker = ShardWorker(job)
    return [worker(shard) for shard in shards]
