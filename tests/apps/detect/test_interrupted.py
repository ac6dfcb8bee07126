"""Runs that are interrupted, or meet a file that breaks in a new way: nothing finished is lost."""

import pytest

from constrained_rcnn.apps.detect.run import run
from constrained_rcnn.inference import predictor
from constrained_rcnn.model_zoo import config_file
from tests.helpers.detect_files import save, table

CONFIG = config_file("constrained_rcnn_small.yaml")


def test_an_interrupt_keeps_what_is_finished(options, tmp_path, monkeypatch, capsys):
    files = [save(tmp_path / "in" / f"{name}.png", seed=seed) for seed, name in enumerate("abc")]
    plain, calls = predictor.ManipulationPredictor.__call__, []

    def interrupted(self, data, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(self, data, **options)

    monkeypatch.setattr(predictor.ManipulationPredictor, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(CONFIG, files, str(tmp_path / "out"), options)
    assert len(table(tmp_path / "out" / "results.csv")) == 2
    page = (tmp_path / "out" / "results.html").read_text(encoding="utf-8")
    assert "Interrupted: 1 file still to do" in page and page.count("<article") == 2
    assert "2 images examined" in capsys.readouterr().out


def test_an_interrupted_resumption_keeps_all_that_was_there(options, tmp_path, monkeypatch):
    """Also the results of files that come after the one at which it was interrupted."""
    files = [save(tmp_path / "in" / f"{name}.png", seed=seed) for seed, name in enumerate("abc")]
    out = str(tmp_path / "out")
    run(CONFIG, files[1:], out, options)

    def interrupted(self, data, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(predictor.ManipulationPredictor, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(CONFIG, files, out, options, resume=True)
    assert len(table(tmp_path / "out" / "results.csv")) == 2
    page = (tmp_path / "out" / "results.html").read_text(encoding="utf-8")
    assert "Interrupted: 1 file still to do" in page and page.count("<article") == 2


def test_one_file_that_breaks_in_a_new_way_does_not_stop_the_rest(options, tmp_path, monkeypatch, capsys):
    files = [save(tmp_path / "in" / f"{name}.png", seed=seed) for seed, name in enumerate("ab")]
    plain, calls = predictor.ManipulationPredictor.__call__, []

    def once_out_of_memory(self, data, **options):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory")
        return plain(self, data, **options)

    monkeypatch.setattr(predictor.ManipulationPredictor, "__call__", once_out_of_memory)
    assert run(CONFIG, files, str(tmp_path / "out"), options) == 1
    assert "1 images examined, 1 skipped" in capsys.readouterr().out
