"""Settings for all tests, and the option that makes a skipped test a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

DATA_VARIABLES = ("CONSTRAINED_RCNN_OPEN_NSFW", "CONSTRAINED_RCNN_PARITY", "DETECTRON2_DATASETS")


#: Modules and folders that train, run whole networks or start processes: `make test-quick` leaves them out.
HEAVY = (
    "apps",
    "benchmarks",
    "engine",
    "evaluation/coco/test_once.py",
    "evaluation/test_baselines.py",
    "evaluation/test_robustness.py",
    "images/test_fuzz.py",
    "inference",
    "install",
    "matching/test_suspects.py",
    "modeling/test_dense_model.py",
    "modeling/test_model.py",
    "test_container.py",
    "test_distributions.py",
    "test_lite_environment.py",
    "preparation/test_casia.py",
    "preparation/test_casia_published.py",
    "released",
    "synthesis/test_writer.py",
    "test_command_lines.py",
    "test_config_text.py",
    "test_packaging.py",
    "test_skips.py",
    "utils/test_output_folder.py",
)
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if any(item.path.is_relative_to(TESTS / name) for name in HEAVY):
            item.add_marker("heavy")


def skip_is_expected(reason: str, environ) -> bool:
    """A skip is in order where it names what is not there: CUDA, a browser, bfloat16 instructions, a data variable."""
    missing = [name for name in DATA_VARIABLES if not environ.get(name)]
    return any(word in reason for word in ("CUDA", "Chromium is not installed", "no bfloat16 instructions", *missing))


def pytest_addoption(parser):
    parser.addoption(
        "--no-unexpected-skips",
        action="store_true",
        help="fail when a test is skipped for another reason than something that is not there",
    )


def _unexpected_skips(config) -> list[str]:
    if not config.getoption("--no-unexpected-skips"):
        return []
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:  # one of several processes: the one that gathers their reports looks
        return []
    reports = reporter.stats.get("skipped", [])
    skips = [(report.nodeid, report.longrepr[2]) for report in reports if isinstance(report.longrepr, tuple)]
    return [f"{name}: {reason}" for name, reason in skips if not skip_is_expected(reason, os.environ)]


def pytest_sessionfinish(session):
    if session.exitstatus == pytest.ExitCode.OK and _unexpected_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    skips = _unexpected_skips(config)
    if skips:
        terminalreporter.section("skipped without needing what is not there: a failure", red=True)
        for line in skips:
            terminalreporter.line(line)
