"""Many results on several pages, and a table whose cells do no harm."""

from constrained_rcnn.apps.detect.page import write_pages
from constrained_rcnn.apps.detect.table import ResultsTable
from tests.helpers.detect_files import table


def test_many_results_make_many_pages(tmp_path):
    record = {
        "score": 0.5, "threshold": 0.4, "techniques": ["splice"], "width": 4, "height": 3, "manipulated": True,
        "sha256": "0" * 64, "time": "2026-01-01T00:00:00+00:00", "views": 1, "tiles": 1,
        "detections": [{"score": 0.9}], "repeats": [],
        "versions": {},
    }  # fmt: skip
    with ResultsTable(tmp_path / "results.csv") as made:
        for index in range(450):
            made.add({**record, "file": f"{index}.png", "name": f"{index}", "score": index / 450})
        assert len(table(tmp_path / "results.csv")) == 450  # on disk before the end
        made.finish()
    about = {"weights": {"file": "w.pth", "sha256": "1" * 64}, "config_sha256": "2" * 64, "versions": {}}
    paths = write_pages(tmp_path, made.rows, [], about, finished=True, expected=450)
    assert [path.name for path in paths] == ["results.html", "results-2.html", "results-3.html"]
    assert [path.read_text(encoding="utf-8").count("<article") for path in paths] == [200, 200, 50]
    assert 'href="results-3.html"' in paths[0].read_text(encoding="utf-8")
    assert "449.png" in paths[0].read_text(encoding="utf-8")
    assert all("1" * 64 in path.read_text(encoding="utf-8") for path in paths)  # what made them, on each
    (tmp_path / "results-mine.html").touch()
    write_pages(tmp_path, made.rows[:250], [], about, finished=True, expected=250)
    assert sorted(path.name for path in tmp_path.glob("*.html")) == [
        "results-2.html", "results-mine.html", "results.html"
    ]  # fmt: skip


def test_cells_are_neither_formulas_nor_split(tmp_path):
    with ResultsTable(tmp_path / "results.csv") as made:
        made.skip("a;=1+1;b.png", "@SUM(1)")
        made.finish()
    assert (tmp_path / "results.csv").read_text().splitlines()[1].startswith('"a;=1+1;b.png","skipped",')
    assert table(tmp_path / "results.csv")[0]["reason"] == "'@SUM(1)"
