"""Lists of files: text and Parquet."""

from __future__ import annotations

import os

import pytest

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra [ray]")
parquet = pytest.importorskip("pyarrow.parquet")

from constrained_rcnn.apps.scan.file_list import absolute, read_list  # noqa: E402
from constrained_rcnn.utils.errors import UserError  # noqa: E402


def test_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "list.txt"
    path.write_bytes(b"/b\r\na b.jpg\n\n\xff.jpg\n/b\n./a b.jpg")
    here = os.fsencode(tmp_path)
    assert read_list(str(path)) == [b"/b", here + b"/a b.jpg", here + b"/\xff.jpg"]
    path.write_bytes(b"/a\nb\0/c\0")
    assert read_list(str(path)) == [b"/a\nb", b"/c"]


def write(to, /, **columns):
    parquet.write_table(pyarrow.table(columns), to)
    return str(to)


def test_parquet(tmp_path):
    both = write(tmp_path / "both", file=["/f"], path=["/p"], image=[b"/\xff"])
    assert read_list(both) == [b"/p"] and read_list(both, "file") == [b"/f"] and read_list(both, "image") == [b"/\xff"]
    (tmp_path / "folder").mkdir()
    for name in "ab":
        write(tmp_path / "folder" / f"{name}.parquet", file=pyarrow.array([f"/{name}", "/same"]).dictionary_encode())
    assert read_list(str(tmp_path / "folder")) == [b"/a", b"/same", b"/b"]


def test_what_is_no_list(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_list(str(tmp_path / "gone"))
    (tmp_path / "empty").write_text("\n\n")
    with pytest.raises(UserError, match="lists no file"):
        read_list(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="is a text file"):
        read_list(str(tmp_path / "empty"), "path")
    (tmp_path / "broken").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="is no Parquet that can be read"):
        read_list(str(tmp_path / "broken"))
    other = write(tmp_path / "other", name=["/a"], size=[3])
    with pytest.raises(UserError, match="has no column path, only name, size; name one by --column"):
        read_list(other)
    with pytest.raises(UserError, match="column size holds int64, not paths"):
        read_list(other, "size")
    with pytest.raises(UserError, match="1 rows without a path"):
        read_list(write(tmp_path / "nulls", path=["/a", None]))


def test_absolute_paths_are_each_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute(["a", tmp_path / "a", b"/x/../b"]) == [os.fsencode(tmp_path / "a"), b"/b"]
