"""Train and test splits without a source image on both sides.

Images that share a source image, directly or over others, form one group, and groups are never torn. Which
groups are tested depends on the images' names, sources, techniques and the seed only: not on the order in
which a file system lists them. A split can be written to a small JSON file, checked in, and read back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..utils.errors import UserError
from ..utils.files import write_json_atomic

#: Names of the two sides, in the order in which reports print them.
SIDES = ("train", "test")


def group_by_sources(sources: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Joins images that share a source image (union-find; connected components).

    Args:
        sources: image name -> ids of the images it was made of. An image without any is a group of its own.

    Returns:
        Image name -> group name, in sorted order of the images. A group is called by its smallest source id,
        so that its name does not depend on any order.
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def find(node: tuple[str, str]) -> tuple[str, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    # Source ids and names of images without one live in different spaces: ("image", ...), ("source", ...).
    firsts = {}
    for image in sorted(sources):
        nodes = [("source", source) for source in sources[image]] or [("image", image)]
        firsts[image] = nodes[0]
        for node in nodes:
            first_root, second_root = find(nodes[0]), find(node)
            parent[max(first_root, second_root)] = min(first_root, second_root)  # the root is always the smallest
    return {image: find(first)[1] for image, first in firsts.items()}


@dataclass(frozen=True)
class SplitOutcome:
    """A split and how near it came to what was asked.

    Attributes:
        side: image name -> "train" or "test".
        targets: stratum (technique) -> number of test images asked for (a fraction of the images, not
            rounded).
        reached: stratum -> number of test images.
        total: stratum -> number of images.
        groups: side -> number of groups.
    """

    side: dict[str, str]
    targets: dict[str, float]
    reached: dict[str, int]
    total: dict[str, int]
    groups: dict[str, int]

    def lines(self) -> list[str]:
        """One line per stratum, for printing: asked, got and the difference."""
        lines = [f"groups: {self.groups['train']} train, {self.groups['test']} test"]
        for stratum in sorted(self.total):
            reached, target = self.reached[stratum], self.targets[stratum]
            lines.append(
                f"{stratum}: {self.total[stratum] - reached} train, {reached} test "
                f"(asked {target:.1f}, difference {reached - target:+.1f})"
            )
        return lines


def split_groups(
    groups: Mapping[str, str], strata: Mapping[str, str], *, test_fraction: float, seed: int = 0
) -> SplitOutcome:
    """Chooses whole groups for testing, near a fraction of the images of every stratum.

    The groups come in the order of a seeded hash of their names; each is tested if that brings the test counts nearer
    to the targets (squared differences, each stratum relative to its target). Then single groups change sides, and
    pairs swap, as long as that helps: the draw stays random where the counts leave a choice. Of two groups or more at
    least one is tested, unless the fraction is 0.

    Args:
        groups: image name -> group name.
        strata: image name -> stratum whose proportion is to be kept, for instance the technique.
        test_fraction: wanted share of the images on the test side, 0..1.
        seed: another seed, another draw.

    Returns:
        The split with the counts asked and got.

    Raises:
        ValueError: fraction outside of 0..1, or an image without stratum.
    """
    if not 0 <= test_fraction <= 1:
        raise ValueError(f"test_fraction {test_fraction}: 0 to 1")
    total = Counter(strata[image] for image in groups)
    targets = {stratum: test_fraction * count for stratum, count in total.items()}
    contents: dict[str, Counter] = defaultdict(Counter)
    for image, group in groups.items():
        contents[group][strata[image]] += 1

    order = sorted(contents, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode()).digest())
    counts: Counter = Counter()
    tested: set[str] = set()

    def cost(change: Counter) -> float:
        return sum(((counts[s] + change[s] - targets[s]) / max(targets[s], 1.0)) ** 2 for s in total)

    def apply(group: str, sign: int) -> None:
        for stratum, count in contents[group].items():
            counts[stratum] += sign * count
        (tested.add if sign > 0 else tested.discard)(group)

    for group in order:
        if cost(contents[group]) < cost(Counter()):
            apply(group, 1)
    if not tested and targets and test_fraction > 0 and len(order) > 1:
        apply(min(order, key=lambda group: cost(contents[group])), 1)  # a test set of one image beats none
    for _ in range(len(order)):
        change = _best_change(order, tested, contents, cost)
        if change is None:
            break
        for group, sign in change:
            apply(group, sign)

    side = {image: "test" if group in tested else "train" for image, group in sorted(groups.items())}
    return SplitOutcome(
        side,
        targets,
        {stratum: counts[stratum] for stratum in total},
        dict(total),
        {"train": len(contents) - len(tested), "test": len(tested)},
    )


def _best_change(
    order: Sequence[str],
    tested: Collection[str],
    contents: Mapping[str, Counter[str]],
    cost: Callable[[Counter[str]], float],
    tolerance: float = 1e-12,
) -> tuple[tuple[str, int], ...] | None:
    """The single move or swap that lowers the cost most, or None. The first of equals in ``order``."""

    def delta(*moves: tuple[str, int]) -> Counter[str]:
        change: Counter[str] = Counter()
        for group, sign in moves:
            for stratum, count in contents[group].items():
                change[stratum] += sign * count
        return change

    # Groups of the same content are alike to the cost: one of each is enough to look at.
    ins = _one_of_each([group for group in order if group not in tested], contents)
    outs = _one_of_each([group for group in order if group in tested], contents)
    candidates: list[tuple[tuple[str, int], ...]] = [((group, 1),) for group in ins]
    candidates += [((group, -1),) for group in outs if len(tested) > 1]
    candidates += [((added, 1), (removed, -1)) for added in ins for removed in outs]
    best, lowest = None, cost(Counter()) - tolerance
    for moves in candidates:
        value = cost(delta(*moves))
        if value < lowest:
            best, lowest = moves, value - tolerance
    return best


def _one_of_each(groups: Sequence[str], contents: Mapping[str, Counter[str]]) -> list[str]:
    kinds: dict[tuple[tuple[str, int], ...], str] = {}
    for group in groups:
        kinds.setdefault(tuple(sorted(contents[group].items())), group)
    return list(kinds.values())


def write_split(path: str | os.PathLike, dataset: str, side: Mapping[str, str], *, note: str = "") -> None:
    """Writes ``{"dataset", "note", "splits": {"train": [...], "test": [...]}}`` as JSON, names sorted."""
    splits = {name: sorted(image for image, image_side in side.items() if image_side == name) for name in SIDES}
    write_json_atomic(path, {"dataset": dataset, "note": note, "splits": splits}, indent=1)


def read_split(path: str | os.PathLike) -> dict[str, str]:
    """Reads what ``write_split`` wrote, or a colleague's file of that form.

    Returns:
        Image name -> "train" or "test".

    Raises:
        UserError: no such file, no such form, or an image on both sides.
    """
    try:
        splits = json.loads(Path(path).read_text(encoding="utf-8"))["splits"]
        pairs = [(str(image), name) for name in SIDES for image in splits.get(name, [])]
    except FileNotFoundError:
        raise UserError(f"{path}: no such split file") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f'{path}: not a split file; it must be JSON like {{"splits": {{"train": [...], "test": [...]}}}}'
        ) from None
    side = dict(pairs)
    if len(side) < len(pairs):
        duplicate = next(image for image, count in Counter(image for image, _ in pairs).items() if count > 1)
        raise UserError(f"{path}: {duplicate} is listed twice; an image belongs to one side")
    return side


def straddling_groups(groups: Mapping[str, str], side: Mapping[str, str]) -> list[str]:
    """Groups that have images on both sides of a split (a leak), sorted."""
    sides = defaultdict(set)
    for image, image_side in side.items():
        if image in groups:
            sides[groups[image]].add(image_side)
    return sorted(group for group, group_sides in sides.items() if len(group_sides) > 1)
