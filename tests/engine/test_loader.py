import itertools

import pytest

from constrained_rcnn.engine.loader import ResumableTrainLoader, batches, stream


def items(count):
    return [{"image_id": i, "height": 10, "width": 20 if i % 3 else 5} for i in range(count)]


def take(loader, count):
    return [[(d["image_id"], d["draw"]) for d in batch] for batch in itertools.islice(iter(loader), count)]


def same(sample):
    return sample


def loader(start=0, workers=0, **kwargs):
    result = ResumableTrainLoader(items(11), same, batch_size=3, seed=5, num_workers=workers, **kwargs)
    result.start = start
    return result


def test_every_pass_holds_every_image_once_in_another_order():
    draws = list(itertools.islice(stream(7, seed=3), 21))
    assert [d for d, _ in draws] == list(range(21))
    passes = [[i for _, i in draws[k : k + 7]] for k in (0, 7, 14)]
    assert all(sorted(p) == list(range(7)) for p in passes)
    assert passes[0] != passes[1] != passes[2]
    assert [i for _, i in itertools.islice(stream(7, seed=4), 7)] != passes[0]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("grouping", [True, False])
def test_resumes_where_it_was(workers, grouping):
    uninterrupted = take(loader(aspect_ratio_grouping=grouping), 12)
    assert take(loader(start=5, workers=workers, aspect_ratio_grouping=grouping), 7) == uninterrupted[5:]


def test_start_may_be_set_after_iter_was_called():
    late = loader()
    iterator = iter(late)
    late.start = 4
    assert [(d["image_id"], d["draw"]) for d in next(iterator)] == take(loader(), 5)[4]


def test_grouping_never_mixes_portrait_and_landscape():
    portrait = [d["height"] > d["width"] for d in items(11)]
    for batch in itertools.islice(batches(stream(11, 0), 3, portrait), 20):
        assert len({portrait[index] for _, index in batch}) == 1


def test_processes_share_the_stream(monkeypatch):
    from constrained_rcnn.engine import loader as module

    monkeypatch.setattr(module.comm, "get_world_size", lambda: 2)
    draws = []
    for rank in (0, 1):
        monkeypatch.setattr(module.comm, "get_rank", lambda rank=rank: rank)
        draws += [draw for batch in take(loader(aspect_ratio_grouping=False), 6) for _, draw in batch]
    assert sorted(draws) == list(range(36))


def test_empty_dataset_is_refused():
    with pytest.raises(ValueError, match="empty"):
        ResumableTrainLoader([], same, batch_size=1, seed=0)
