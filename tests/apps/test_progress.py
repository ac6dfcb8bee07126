"""What a log and a terminal are told of an image that takes long."""

from __future__ import annotations

import sys

from constrained_rcnn.apps.progress import LOG_SECONDS, MANY_RUNS, image_progress


class Terminal:
    """Standard error as a terminal, and what was written to it."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_log_gets_a_line_now_and_then(capsys):
    now = [0.0]
    report = image_progress("a.png", lambda: now[0])
    for done in range(101):
        report(done, 100)
        now[0] += LOG_SECONDS / 4
    lines = capsys.readouterr().err.split()
    said = " ".join(lines)
    assert said.count("a.png:") == 24 and "a.png: 4 of 100 tiles, about 240 s left" in said


def test_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    report = image_progress("a.png")
    for done in range(101):
        report(done, 100)
    assert "a.png" in terminal.text and "100" in terminal.text


def test_a_few_runs_are_not_worth_a_word(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    for done in range(MANY_RUNS):
        image_progress("a.png")(done, MANY_RUNS - 1)
    assert terminal.text == ""
