"""Versions and digests that are kept beside results."""

from __future__ import annotations

import json
from types import SimpleNamespace

from constrained_rcnn.utils import provenance
from constrained_rcnn.utils.provenance import tree_sha256, versions


def test_versions_tell_equal_numbers_apart(tmp_path, monkeypatch):
    version = versions()["detectron2"]
    assert version.endswith(f"(tree {tree_sha256('detectron2')[:12]})") and json.dumps(version)
    package = tmp_path / "package"
    (package / "sub").mkdir(parents=True)
    for name in ("__init__.py", "sub/a.py", "sub/b.txt"):
        (package / name).write_text("x = 1\n")
    module = SimpleNamespace(__file__=str(package / "__init__.py"))
    monkeypatch.setattr(provenance.importlib, "import_module", lambda name: module)
    digests = []
    for change in (lambda: None, lambda: (package / "sub/a.py").write_text("x = 2\n"),
                   lambda: (package / "sub/a.py").rename(package / "sub/c.py")):  # fmt: skip
        change()
        tree_sha256.cache_clear()
        digests.append(tree_sha256("package"))
    assert len(set(digests)) == 3
    (package / "sub/b.txt").write_text("x = 2\n")
    tree_sha256.cache_clear()
    assert tree_sha256("package") == digests[-1]
    tree_sha256.cache_clear()
