"""Groups are never torn, and nothing depends on an order."""

from __future__ import annotations

import json
import random
from collections import Counter

import networkx
import pytest

from constrained_rcnn.preparation.splits import (
    group_by_sources,
    read_split,
    split_groups,
    straddling_groups,
    write_split,
)
from constrained_rcnn.utils.errors import UserError


def shuffled(mapping: dict, seed: int) -> dict:
    items = list(mapping.items())
    random.Random(seed).shuffle(items)
    return dict(items)


def many(seed: int, images=400, sources=300):
    rng = random.Random(seed)
    sources = {f"im{i}": tuple(f"p{rng.randrange(sources)}" for _ in range(rng.randrange(1, 3))) for i in range(images)}
    strata = {image: rng.choices(["splice", "copy-move", "authentic"], [3, 2, 5])[0] for image in sources}
    return sources, strata


def test_chains_of_shared_sources_are_one_group():
    sources = {"a": ("1", "2"), "b": ("2", "3"), "c": ("3",), "d": ("9", "8"), "e": (), "f": ()}
    groups = group_by_sources(sources)
    assert groups == {"a": "1", "b": "1", "c": "1", "d": "8", "e": "e", "f": "f"}
    # An image that is called like a source is not that source.
    assert len(set(group_by_sources({"1": (), "x": ("1",)}).items())) == 2


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_connected_components_in_any_order(seed):
    sources, _ = many(seed)
    graph = networkx.Graph()
    for image, ids in sources.items():
        graph.add_edges_from((("image", image), ("source", id)) for id in ids)
    expected = {frozenset(n for kind, n in part if kind == "image") for part in networkx.connected_components(graph)}
    groups = group_by_sources(sources)
    images_by_group = {}
    for image, group in groups.items():
        images_by_group.setdefault(group, set()).add(image)
    assert {frozenset(images) for images in images_by_group.values()} == expected
    assert group_by_sources(shuffled({k: v[::-1] for k, v in sources.items()}, seed)) == groups


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5])
def test_no_group_is_torn_and_proportions_are_near(seed, fraction):
    sources, strata = many(seed)
    groups = group_by_sources(sources)
    outcome = split_groups(groups, strata, test_fraction=fraction, seed=seed)
    assert straddling_groups(groups, outcome.side) == []
    assert set(outcome.side) == set(groups)
    tested = Counter(strata[image] for image, side in outcome.side.items() if side == "test")
    assert outcome.reached == dict(tested) and outcome.total == Counter(strata.values())
    largest = max(Counter(groups.values()).values())
    if largest < fraction * len(groups):
        for stratum, count in tested.items():
            assert abs(count - fraction * outcome.total[stratum]) <= 2, outcome.lines()
    assert any("difference" in line for line in outcome.lines())


def test_the_draw_depends_on_the_seed_and_not_on_the_order():
    sources, strata = many(7)
    groups = group_by_sources(sources)
    outcome = split_groups(groups, strata, test_fraction=0.3, seed=1)
    assert split_groups(shuffled(groups, 3), shuffled(strata, 4), test_fraction=0.3, seed=1) == outcome
    assert split_groups(groups, strata, test_fraction=0.3, seed=2).side != outcome.side


def test_a_group_larger_than_the_test_set_stays_in_training():
    groups = {f"a{i}": "large" for i in range(90)} | {f"b{i}": f"b{i}" for i in range(10)}
    outcome = split_groups(groups, dict.fromkeys(groups, "splice"), test_fraction=0.1)
    assert outcome.reached == {"splice": 10} and outcome.side["a0"] == "train"


def test_a_tiny_set_still_gets_a_test_side():
    groups = {"a": "one", "b": "one", "c": "c"}
    outcome = split_groups(groups, {"a": "splice", "b": "copy-move", "c": "removal"}, test_fraction=0.25)
    assert {image for image, side in outcome.side.items() if side == "test"} == {"c"}
    assert split_groups({"a": "a"}, {"a": "splice"}, test_fraction=0.3).side == {"a": "train"}


@pytest.mark.parametrize("fraction, expected", [(0.0, "train"), (1.0, "test")])
def test_all_on_one_side(fraction, expected):
    outcome = split_groups({"a": "a", "b": "b"}, {"a": "splice", "b": "removal"}, test_fraction=fraction)
    assert set(outcome.side.values()) == {expected}
    with pytest.raises(ValueError):
        split_groups({}, {}, test_fraction=1.5)


def test_split_file_there_and_back(tmp_path):
    side = {"Tp/b.jpg": "test", "Tp/a.jpg": "train", "Au/ü.jpg": "train"}
    write_split(tmp_path / "s.json", "casia_v1", side, note="seed 0")
    assert read_split(tmp_path / "s.json") == side
    assert json.loads((tmp_path / "s.json").read_text())["splits"]["train"] == ["Au/ü.jpg", "Tp/a.jpg"]


@pytest.mark.parametrize(
    "text, words",
    [
        ("not json", "not a split file"),
        ("[]", "not a split file"),
        ('{"splits": [1]}', "not a split file"),
        ('{"splits": {"train": ["a"], "test": ["a"]}}', "a is listed twice"),
        (None, "no such split file"),
    ],
)
def test_bad_split_files(tmp_path, text, words):
    if text is not None:
        (tmp_path / "s.json").write_text(text)
    with pytest.raises(UserError, match=words):
        read_split(tmp_path / "s.json")
