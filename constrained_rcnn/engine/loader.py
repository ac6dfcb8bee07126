"""An endless training loader whose n-th batch depends on the seed and n alone, so that a run can resume."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from detectron2.utils import comm
from torch.utils.data import DataLoader, Dataset

from ..inference.processes import guard_forks


def stream(length: int, seed: int, shuffle: bool = True) -> Iterator[tuple[int, int]]:
    """Endless passes over a dataset, each in a new order.

    Args:
        length: images in the dataset.
        seed: of the orders; with the number of the pass it determines each.
        shuffle: False repeats the given order.

    Yields:
        (draw, index): position in the stream, from 0, and index in the dataset.
    """
    draw = 0
    for epoch in itertools.count():
        order = np.random.default_rng([seed, epoch]).permutation(length) if shuffle else range(length)
        for index in order:
            yield draw, int(index)
            draw += 1


def batches(
    items: Iterator[tuple[int, int]], batch_size: int, portrait: list[bool] | None
) -> Iterator[list[tuple[int, int]]]:
    """Batches a stream; with ``portrait`` (one flag per image) no batch mixes portrait and landscape."""
    buckets: tuple[list, list] = ([], [])
    for draw, index in items:
        bucket = buckets[bool(portrait[index]) if portrait is not None else 0]
        bucket.append((draw, index))
        if len(bucket) == batch_size:
            yield bucket[:]
            bucket.clear()


class ResumableTrainLoader:
    """Iterates over batches (lists of mapped dicts) from ``start`` on, without end.

    ``start`` may be set until the first batch is drawn: Detectron2's trainers take an iterator of their
    loader when they are made, before they know at which iteration a resumed run starts.
    """

    def __init__(
        self,
        dataset: list[dict],
        mapper: Callable[[dict], dict],
        *,
        batch_size: int,
        seed: int,
        num_workers: int = 0,
        aspect_ratio_grouping: bool = True,
        shuffle: bool = True,
    ):
        """
        Args:
            dataset: dataset dicts; "width" and "height" are needed for the grouping.
            mapper: takes a dict with an additional "draw".
            batch_size: images per batch of this process.
            seed: see :func:`stream`.
            num_workers: loading processes; the batches are the same with any number.
            aspect_ratio_grouping: no batch mixes portrait and landscape.
            shuffle: see :func:`stream`.
        """
        if not dataset:
            raise ValueError("the training dataset is empty")
        self.dataset = dataset
        self.mapper = mapper
        self.batch_size = batch_size
        self.seed = seed
        self.num_workers = num_workers
        self.portrait = [d["height"] > d["width"] for d in dataset] if aspect_ratio_grouping else None
        self.shuffle = shuffle
        self.start = 0

    def __iter__(self):
        items = stream(len(self.dataset), self.seed, self.shuffle)
        own_items = itertools.islice(items, comm.get_rank(), None, comm.get_world_size())
        plan = itertools.islice(batches(own_items, self.batch_size, self.portrait), self.start, None)
        guard_forks()  # a worker would wait for ever for OpenCV threads that only its parent has
        loader = DataLoader(
            _MappedDraws(self.dataset, self.mapper),
            batch_sampler=plan,
            num_workers=self.num_workers,
            collate_fn=list,
            worker_init_fn=_one_thread,
            # Its own: starting an iterator must not draw from the generator that the model samples with.
            generator=torch.Generator(),
        )
        yield from loader


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


class _MappedDraws(Dataset):
    """Maps (draw, index) pairs to samples."""

    def __init__(self, dataset, mapper):
        self.dataset = dataset
        self.mapper = mapper

    def __getitem__(self, item: tuple[int, int]) -> dict:
        draw, index = item
        return self.mapper({**self.dataset[index], "draw": draw})
