"""Arrays of MATLAB files, whole and damaged ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.io

from constrained_rcnn.preparation.sources import matlab
from constrained_rcnn.preparation.sources.matlab import read_matrix
from constrained_rcnn.utils.errors import UserError
from tests.helpers.source_trees import matlab_file


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kind", [np.float64, np.uint8])
def test_small_integers_and_doubles_are_read_packed_or_not(tmp_path, compress, kind):
    values = np.arange(6, dtype=kind).reshape(3, 2)
    path = tmp_path / "own.mat"
    path.write_bytes(matlab_file("TFlabel", values, compress))
    np.testing.assert_array_equal(scipy.io.loadmat(path)["TFlabel"], values)
    np.testing.assert_array_equal(read_matrix(path, "TFlabel"), values)
    other = tmp_path / "theirs.mat"
    scipy.io.savemat(other, {"text": "abc", "x": values[:1], "TFlabel": values}, do_compression=compress)
    np.testing.assert_array_equal(read_matrix(other, "TFlabel"), values)
    with pytest.raises(UserError, match="no numeric array gone"):
        read_matrix(other, "gone")
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(UserError, match="own.mat"):
        read_matrix(path, "TFlabel")


def test_an_array_too_large_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.mat"
    path.write_bytes(matlab_file("TFlabel", np.zeros((1000, 1000)), compress=True))
    assert path.stat().st_size < 20_000 and read_matrix(path, "TFlabel").shape == (1000, 1000)
    monkeypatch.setattr(matlab, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(scipy.io, "loadmat", lambda *_, **__: pytest.fail("was unpacked"))
    with pytest.raises(UserError, match="too large"):
        read_matrix(path, "TFlabel")


def test_other_files_and_a_missing_library_are_one_line(tmp_path, monkeypatch):
    path = tmp_path / "a.mat"
    with pytest.raises(UserError, match="a.mat: cannot be read"):
        read_matrix(path, "x")
    scipy.io.savemat(path, {"x": {"a": 1.0}})
    with pytest.raises(UserError, match="no numeric array x"):
        read_matrix(path, "x")
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with pytest.raises(UserError, match="-v7"):
        read_matrix(path, "x")
    path.write_bytes(matlab_file("x", np.ones((3, 2)))[:-20])
    with pytest.raises(UserError, match="a.mat"):
        read_matrix(path, "x")
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(UserError, match="a.mat: MATLAB files need the library scipy .*pip install scipy"):
        read_matrix(path, "x")
