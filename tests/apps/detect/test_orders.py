"""Pages by strongest finding and by one witness."""

from __future__ import annotations

from constrained_rcnn.apps.detect import page
from constrained_rcnn.apps.detect.orders import ordered, orders, remove_other_orders
from constrained_rcnn.apps.detect.table import row_of

RECORD = {
    "file": "a.png", "name": "a", "score": 0.5, "threshold": 0.4, "techniques": [], "width": 4, "height": 3,
    "manipulated": True, "sha256": "0" * 64, "time": "2026-01-01T00:00:00+00:00", "views": 1, "tiles": 1,
    "detections": [], "repeats": [], "versions": {},
}  # fmt: skip
ABOUT = {"weights": {"file": "w.pth", "sha256": "1" * 64}, "config_sha256": "2" * 64, "versions": {}}


def row(name, **words):
    findings = [{"witness": witness, "finding": word} for witness, word in words.items()]
    return row_of(
        {**RECORD, "name": name, "file": f"{name}.png", "evidence": {"findings": findings} if words else None}
    )


ROWS = [
    row("none"),
    row("unsure", noise="cannot_be_judged", metadata="nothing_found"),
    row("weak", noise="weak", metadata="nothing_found"),
    row("strong", noise="nothing_found", metadata="strong", witness_of_tomorrow="strong"),
    row("weak too", noise="weak"),
]


def names(rows):
    return [row["name"] for row in rows]


def test_orders_are_those_of_the_witnesses_that_were_asked():
    assert list(orders(ROWS)) == ["score", "strongest", "metadata", "noise"]
    assert list(orders(ROWS[:1])) == ["score"]


def test_the_strongest_comes_first_and_who_was_not_asked_last():
    assert names(ordered(ROWS, "strongest")) == ["strong", "weak", "weak too", "unsure", "none"]
    assert names(ordered(ROWS, "noise")) == ["weak", "weak too", "strong", "unsure", "none"]
    assert names(ordered(ROWS, "metadata")) == ["strong", "unsure", "weak", "none", "weak too"]


def test_each_order_has_its_pages_and_links_to_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PER_PAGE", 2)
    (tmp_path / "results-by-mine.html").touch()
    (tmp_path / "results-by-network.html").touch()  # of an earlier run
    paths = page.write_pages(tmp_path, ROWS, [], ABOUT, finished=True, expected=5)
    stems = ("results", "results-by-strongest", "results-by-metadata", "results-by-noise")
    assert [path.name for path in paths] == [f"{stem}{n}.html" for stem in stems for n in ("", "-2", "-3")]
    assert {path.name for path in tmp_path.iterdir()} == {*(path.name for path in paths), "results-by-mine.html"}
    second = (tmp_path / "results-by-noise-2.html").read_text(encoding="utf-8")
    assert 'href="results-by-metadata.html"' in second and 'href="results-by-noise-3.html"' in second
    assert '<strong aria-current="page">Noise</strong>' in second
    assert second.count("<tr>") == 3 and "strong.png" in second and "unsure.png" in second
    assert 'href="results-by-strongest.html"' in paths[0].read_text(encoding="utf-8")
    remove_other_orders(tmp_path, paths[:3])
    assert len(list(tmp_path.iterdir())) == 4
