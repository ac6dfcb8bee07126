"""A scan, whoever dies meanwhile: each file is one row, and no file is detected twice."""

from __future__ import annotations

import dataclasses
import json
import pickle
from functools import partial

import pytest

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: the extra [ray]")

from constrained_rcnn.apps.scan import shard  # noqa: E402
from constrained_rcnn.apps.scan.network import ScanNetwork  # noqa: E402
from constrained_rcnn.apps.scan.run import scan  # noqa: E402
from constrained_rcnn.apps.scan.schema import SCHEMA  # noqa: E402
from constrained_rcnn.model_zoo import config_file  # noqa: E402
from constrained_rcnn.utils.errors import OutputError, UserError  # noqa: E402
from tests.helpers.detect_files import save, table  # noqa: E402
from tests.helpers.scan_workers import Died, Here, NoNetwork, first_byte  # noqa: E402

CONFIG = config_file("constrained_rcnn_small.yaml")


@pytest.fixture
def photos(tmp_path):
    """Five files for the stand-in, in a folder."""
    (tmp_path / "photos").mkdir()
    for number in range(5):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(bytes([50 * number, 1]))
    return tmp_path / "photos"


@pytest.fixture
def start(tmp_path, photos):
    """Scans the photos into ``out``, two in a shard."""
    settings = {"network": NoNetwork, "copy_move": True, "shard_files": 2, "make": first_byte}

    def start(inputs=(str(photos),), list_file=None, column=None, **changed):
        inputs = list(inputs) if inputs else None
        return scan(str(tmp_path / "out"), inputs, list_file, column, **{"workers": Here(), **settings, **changed})

    return start


def network(options):
    """Of a tiny model."""
    return partial(ScanNetwork.load, CONFIG, options)


def rows(folder):
    return parquet.read_table(folder / "results").to_pylist()


def test_rows_of_a_network_are_those_of_detect(start, tmp_path, options, capsys):
    save(tmp_path / "in" / "one.png", seed=1)
    save(tmp_path / "in" / "two.jpg", 50, 40)
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    inputs = [str(tmp_path / "in")]
    assert start(inputs, make=shard.make_detector, network=network(options)) == 1
    assert "2 images examined, 1 skipped" in capsys.readouterr().out
    from constrained_rcnn.apps.detect.run import run as detect

    assert detect(CONFIG, inputs, str(tmp_path / "detected"), options) == 1
    mine = {row["file"]: row for row in rows(tmp_path / "out")}
    theirs = {row["file"]: row for row in table(tmp_path / "detected" / "results.csv")}
    assert len(mine) == 3 and mine.keys() == theirs.keys()
    bad = next(row for file, row in mine.items() if "broken" in file)
    assert len(bad["sha256"]) == 64 and bad["reason"] and bad["score"] is None
    for file, row in mine.items():
        for name in ("status", "kind", "reason", "format", "reading", "sha256", "weights_sha256", "config_sha256"):
            assert (row[name] or "") == theirs[file][name] or (row is bad and name.endswith("sha256"))
        for name in ("score", "threshold", "width", "height", "regions", "repeats", "bytes"):
            assert row[name] == (float(theirs[file][name]) if theirs[file][name] else None)
        assert row is bad or json.loads(row["versions"])["torch"]


def test_shards_and_summary(start, tmp_path, photos, capsys):
    (photos / "note.txt").write_text("no image")
    assert start([str(photos), str(tmp_path / "gone.jpg")]) == 1
    assert "gone.jpg: no such file" in capsys.readouterr().out
    out = tmp_path / "out"
    names = sorted(path.name for path in (out / "results").iterdir())
    assert names == [f"shard-000000{number}.parquet" for number in range(3)]
    assert parquet.read_schema(out / "results" / names[0]).equals(SCHEMA)
    assert [row["file"] for row in rows(out)] == [str(photos / f"{number}.jpg") for number in range(5)]
    assert [row["status"] for row in rows(out)].count("manipulated") == 2
    summary = json.loads((out / "summary.json").read_text())
    assert summary["complete"] and summary["examined"] == 5 and summary["by_status"]["manipulated"] == 2
    assert summary["inputs_that_lead_nowhere"] and list((out / "journals").iterdir()) == []


def test_a_killed_run_goes_on_with_the_missing_shards(start, tmp_path):
    with pytest.raises(Died):
        start(workers=Here(stop_after=1))
    first = tmp_path / "out" / "results" / "shard-0000000.parquet"
    before = first.stat().st_mtime_ns
    assert len(list(first.parent.iterdir())) == 1
    again = Here()
    assert start(workers=again) == 0
    assert again.handed == [1, 2] and first.stat().st_mtime_ns == before and len(rows(tmp_path / "out")) == 5
    nothing = Here()
    assert start(None, workers=nothing) == 0 and nothing.handed == []  # without the list: the one that is there


def test_a_killed_run_keeps_the_finished_files_of_a_shard(start, tmp_path, photos):
    seen = []

    def killed_at(name, job):
        detector = first_byte(job)

        def detect(item):
            if item.file.name == name:
                raise KeyboardInterrupt
            seen.append(item.file.name)
            return detector(item)

        return detect

    with pytest.raises(KeyboardInterrupt):
        start(make=partial(killed_at, "3.jpg"))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert not summary["complete"] and summary["examined"] == 2
    journal = tmp_path / "out" / "journals" / "shard-0000001.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"finish": 1, "ro')  # half a line, as a power cut leaves it
    with pytest.raises(KeyboardInterrupt):
        start(make=partial(killed_at, "3.jpg"))
    with pytest.raises(KeyboardInterrupt):
        start(make=partial(killed_at, "3.jpg"))
    assert start(make=partial(killed_at, "")) == 0  # who stops a run three times has nothing against the file
    assert seen == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"] and not journal.exists()


def test_a_file_that_kills_its_worker_is_a_bad_row_alone(start, tmp_path, photos):
    (photos / "3.jpg").write_bytes(b"kills")
    workers = Here()
    assert start(workers=workers) == 1
    assert workers.handed == [0, 1, 1, 1, 2]
    found = rows(tmp_path / "out")
    assert [row["reason"] for row in found] == [None, None, None, shard.DIED, None]
    assert len(found[3]["sha256"]) == 64 and found[3]["status"] == "skipped"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["skipped_by_reason"] == {shard.DIED: 1}


def test_workers_that_die_while_they_start_end_the_run(start, tmp_path):
    def dies(job):
        raise Died

    workers = Here()
    with pytest.raises(UserError, match="--workers: 3 of them died while they started"):
        start(make=dies, workers=workers)
    assert workers.handed == [0] * 4 and not list((tmp_path / "out" / "results").iterdir())


def test_what_a_worker_cannot_write_ends_the_run(start, tmp_path):
    def full(job):
        def detect(item):
            raise OutputError("out: cannot be written: no space left on device")

        return detect

    with pytest.raises(UserError, match="no space left"):
        start(make=full)


@pytest.mark.parametrize("change, said", [("list", "files 5, not 6"), ("config", "config_sha256"), ("size", "shard")])
def test_another_list_or_config_is_refused(start, photos, change, said):
    start()
    changed = {}
    if change == "list":
        (photos / "5.jpg").write_bytes(b"5")
    elif change == "config":
        changed["network"] = partial(NoNetwork, "another one")
    else:
        changed["shard_files"] = 3
    with pytest.raises(UserError, match=said):
        start(**changed)
    if change == "list":
        (photos / "5.jpg").unlink()
    assert start() == 0  # nothing has changed there


def test_nothing_to_go_on_with(start, tmp_path):
    with pytest.raises(UserError, match="holds no scan to go on with; give --input or --list"):
        start(None)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="no image found"):
        start([str(tmp_path / "nowhere")])


def test_other_weights_on_a_workers_machine(tmp_path, options):
    loaded = network(options)()
    about = {**loaded.about(), "weights": {"file": "model.pth", "sha256": "0" * 64}}
    job = shard.ShardJob(tmp_path, "run", pickle.dumps(loaded), False, about, True, 1, shard.make_detector)
    with pytest.raises(UserError, match="model.pth: a worker's machine has another one"):
        shard.make_detector(job)
    loaded.cfg.MODEL.WEIGHTS = str(tmp_path / "gone.pth")
    job = dataclasses.replace(job, network=pickle.dumps(loaded))
    with pytest.raises(UserError, match="gone.pth: is not on a worker's machine"):
        shard.make_detector(job)


def test_a_list_may_name_what_is_not_there(start, tmp_path, photos):
    (tmp_path / "list.txt").write_text(f"{photos / '4.jpg'}\n{tmp_path / 'gone.jpg'}\n{photos / '4.jpg'}\n")
    assert start(None, str(tmp_path / "list.txt")) == 1
    assert [(row["status"], row["reason"]) for row in rows(tmp_path / "out")] == [
        ("manipulated", None), ("skipped", "No such file or directory")
    ]  # fmt: skip
