"""What an index finds and costs, against comparing all pairs of a data set's images; no Torch.

Seconds are of the processor, of all threads, which other programs disturb less than wall-clock time.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from ..images.reading import read_image
from ..matching.image_pairs import Described, compare, describe
from ..matching.index import codebook, segments
from ..matching.index.search import Index


def against_all_pairs(
    dataset_dicts: Sequence[Mapping[str, Any]],
    *,
    candidates: int,
    strangers: int = 0,
    progress: Callable[..., Iterable] = lambda some, **_: some,
) -> dict[str, Any]:
    """Indexes all images, asks for each, and compares what all pairs within groups, and some others, share.

    A candidate of another group is compared, too, and counts as a pair of all pairs where they share something: an
    index reports nothing that comparing all pairs would not.

    Args:
        dataset_dicts: with ``file_name`` and ``group``; images that come from one another share a group.
        candidates: the likeliest of each image that are compared with it.
        strangers: pairs of different groups that are compared besides, chosen with a fixed seed.
        progress: wraps iterations; takes ``desc``.

    Returns:
        ``images``, ``rows`` (descriptors), ``compared`` (pairs), ``strangers`` and ``strangers_sharing``; ``pairs``
        that share something, of these ``found`` by asking with either image, and ``found_by_one``, the mean over both
        ways; seconds an image or a pair: ``describe``, ``add``, ``ask``, ``compare``; ``candidates_each``.
    """
    names = [item["file_name"] for item in dataset_dicts]
    groups = [str(item["group"]) for item in dataset_dicts]
    clock = _Clock()
    described: list[Described] = []
    for name in progress(names, desc="reading"):
        with clock("describe"):
            pixels = read_image(name, format="BGR")
            described.append(describe(pixels, lambda name=name: read_image(name, format="BGR")))
    with tempfile.TemporaryDirectory() as folder:
        index = codebook.empty()
        for number, one in enumerate(described):
            with clock("add"):
                segments.add(index, number, one.points, one.descriptors)
        search = Index(Path(folder), [segments.save(index, Path(folder), 1, len(described))])
        asked: list[list[int]] = []
        for number, one in progress(list(enumerate(described)), desc="asking"):
            with clock("ask"):
                found = search.candidates(one)
            asked.append([other.image for other in found if other.image != number][:candidates])
    within = {pair for pair in combinations(range(len(names)), 2) if groups[pair[0]] == groups[pair[1]]}
    proposed = {(min(pair), max(pair)) for number, others in enumerate(asked) for pair in ((number, o) for o in others)}
    apart = _some_apart(groups, strangers)
    sharing = set()
    for first, second in progress(sorted(within | proposed | apart), desc="comparing"):
        with clock("compare"):
            if compare(described[first], described[second]):
                sharing.add((first, second))
    ways = [(second in asked[first], first in asked[second]) for first, second in sharing]
    return {
        "images": len(names), "rows": index.ntotal, "compared": len(within | proposed | apart),
        "strangers": len(apart), "strangers_sharing": len(apart & sharing), "pairs": len(sharing),
        "found": sum(map(any, ways)) / max(len(ways), 1), "found_by_one": sum(map(sum, ways)) / max(2 * len(ways), 1),
        "candidates_each": sum(map(len, asked)) / len(names), **clock.means(),
    }  # fmt: skip


def _some_apart(groups: Sequence[str], number: int) -> set[tuple[int, int]]:
    chance, chosen = random.Random(0), set()
    while len(chosen) < number and len(set(groups)) > 1:
        first, second = sorted(chance.sample(range(len(groups)), 2))
        if groups[first] != groups[second]:
            chosen.add((first, second))
    return chosen


class _Clock:
    """Adds up seconds of the processor by name: ``with clock(name): ...``."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._times: dict[str, int] = defaultdict(int)

    def __call__(self, name: str) -> _Clock:
        self._name = name
        return self

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *exception: object) -> None:
        self._seconds[self._name] += time.process_time() - self._started
        self._times[self._name] += 1

    def means(self) -> dict[str, float]:
        return {name: seconds / self._times[name] for name, seconds in self._seconds.items()}
