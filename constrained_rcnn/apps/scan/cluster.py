"""Ray: workers that scan shards, on this machine or on a cluster. Nothing else of the package knows it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...utils.errors import UserError
from .shard import ShardJob, ShardWorker

#: Bytes of shared memory that a Ray of our own takes: only numbers of shards pass through it.
_SHARED = 100 << 20
#: Most blocks that the shards' numbers are shared out to; each is a task.
_MOST_BLOCKS = 20_000


@dataclass(frozen=True)
class RayWorkers:
    """Attributes: count: of workers. address: of a cluster; None: a Ray of this run alone, on this machine."""

    count: int
    address: str | None = None

    def run(self, job: ShardJob, shards: Sequence[int]) -> Iterator[dict]:
        """Yields the outcome of each shard, see :class:`.shard.ShardWorker`, as they are finished.

        Ray starts another worker where one dies, and hands it the same shard, however often; the shard's journal says
        when that is too often.

        Raises:
            UserError: no such cluster, too few GPUs, or the cluster has failed.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if self.address is None:  # other users of this machine have no way in
            os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
            os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 would starve them beside any other program
        import ray

        count = min(self.count, len(shards))
        self._start(ray, count, job.threads)
        try:
            if job.gpu and ray.cluster_resources().get("GPU", 0) < count and self.address is None:
                raise UserError(f"--workers {count}: each needs a GPU of its own; take fewer, or MODEL.DEVICE cpu")
            yield from _outcomes(ray, job, shards, count, grows=self.address is not None)
        except ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(f"Ray failed: {lines[-1].strip()}; give the same command again to go on") from None
        finally:
            ray.shutdown()

    def _start(self, ray, count: int, threads: int) -> None:
        options = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if self.address is not None:
                ray.init(self.address, **options)
            else:
                with _loopback_kept():
                    ray.init(
                        "local", num_cpus=count * threads, include_dashboard=False, object_store_memory=_SHARED,
                        _node_ip_address="127.0.0.1", **options,
                    )  # fmt: skip
        except (ConnectionError, ValueError, RuntimeError) as error:
            named = f"--address {self.address}" if self.address else "Ray"
            raise UserError(f"{named}: cannot be started: {' '.join(str(error).split())}") from None


@contextlib.contextmanager
def _loopback_kept() -> Iterator[None]:
    """Ray, started inside, listens on 127.0.0.1 alone. It would replace that by the machine's address on the network,
    and then listen on all of them."""
    from ray._private import services

    usual = services.resolve_ip_for_localhost
    services.resolve_ip_for_localhost = lambda host: host
    try:
        yield
    finally:
        services.resolve_ip_for_localhost = usual


class _Actor:
    """What Ray Data calls with a batch of shards' numbers."""

    def __init__(self, job: ShardJob):
        self._worker = ShardWorker(job)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        outcomes = [self._worker(int(shard)) for shard in batch["shard"]]
        return {key: np.array([outcome[key] for outcome in outcomes]) for key in outcomes[0]}


def _outcomes(ray, job: ShardJob, shards: Sequence[int], count: int, *, grows: bool) -> Iterator[dict]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    size = {"min_size": 1, "max_size": count} if grows else {"size": count}
    numbers = ray.data.from_items(
        [{"shard": shard} for shard in shards], override_num_blocks=min(len(shards), _MOST_BLOCKS)
    )
    done = numbers.map_batches(
        _Actor,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(max_tasks_in_flight_per_actor=1, **size),
        num_cpus=None if job.gpu else job.threads,
        num_gpus=1 if job.gpu else None,
    )
    for batch in done.iter_batches(batch_size=1, prefetch_batches=0):
        yield {key: values[0].item() if hasattr(values[0], "item") else values[0] for key, values in batch.items()}
