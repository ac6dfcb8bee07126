"""Names in Detectron2's catalogs."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from constrained_rcnn.data.techniques import COLOURS, TECHNIQUES
from constrained_rcnn.utils.errors import UserError
from tests.helpers.casia_tree import make_casia_v1
from tests.helpers.commands import REPOSITORY, clean_environment, run

pytest.importorskip("detectron2", reason="Detectron2 is not installed")
from detectron2.data import DatasetCatalog, MetadataCatalog  # noqa: E402
from detectron2.structures import BoxMode  # noqa: E402

from constrained_rcnn.data import catalog  # noqa: E402


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """DETECTRON2_DATASETS points to a new folder; the names are registered anew before and after."""
    with monkeypatch.context() as patch:
        patch.setenv("DETECTRON2_DATASETS", str(tmp_path / "data"))
        patch.delenv("CONSTRAINED_RCNN_PREPARED", raising=False)
        catalog.register_predefined()
        yield tmp_path / "data"
    catalog.register_predefined()


def test_predefined_names_and_metadata(datasets):
    names = {f"{name}{part}" for name in ("casia_v1", "casia_v2", "coverage", "nist16", "coco_synthetic")
             for part in ("", "_train", "_test", "_authentic")}  # fmt: skip
    assert names | {"columbia", "columbia_test", "columbia_authentic"} == set(catalog.PREDEFINED)
    assert set(catalog.PREDEFINED) <= set(DatasetCatalog.list())
    importlib.reload(catalog)  # harmless
    metadata = MetadataCatalog.get("casia_v1_train")
    assert metadata.thing_classes == list(TECHNIQUES)
    assert metadata.thing_colors == [COLOURS[technique] for technique in TECHNIQUES]
    assert metadata.thing_dataset_id_to_contiguous_id == {1: 0, 2: 1, 3: 2}
    assert metadata.evaluator_type == "manipulation"
    assert metadata.json_file == str(datasets / "casia_v1/annotations/casia_v1_train.json")
    assert metadata.image_root == str(datasets / "casia_v1")


def test_what_is_not_prepared_names_the_command(datasets):
    with pytest.raises(UserError, match=r"prepare_casia\.py --root .*casia_v1.*CONSTRAINED_RCNN_PREPARED"):
        DatasetCatalog.get("casia_v1_test")
    for name, (dataset, command) in catalog.PREDEFINED.items():
        script = command.split()[1]
        assert script.startswith("datasets/prepare_") and (REPOSITORY / script).is_file()
        with pytest.raises(UserError, match=rf"{script} --root .*{dataset}"):
            DatasetCatalog.get(name)


def test_a_prepared_set_is_loaded(datasets):
    make_casia_v1(datasets / "casia_v1")
    assert run("datasets/prepare_casia.py", cwd=datasets, DETECTRON2_DATASETS=str(datasets)).returncode == 0
    dicts = DatasetCatalog.get("casia_v1")
    assert len(dicts) == 27 and all(Path(entry["file_name"]).is_file() for entry in dicts)
    modes = {annotation["bbox_mode"] for entry in dicts for annotation in entry["annotations"]}
    assert modes == {BoxMode.XYWH_ABS}
    assert sum(not entry["annotations"] for entry in dicts) == 17
    assert len(DatasetCatalog.get("casia_v1_train")) + len(DatasetCatalog.get("casia_v1_test")) == 27


def test_prepared_elsewhere_follows_the_images(datasets, tmp_path, monkeypatch):
    make_casia_v1(tmp_path / "first/casia_v1")
    prepared = tmp_path / "prepared"
    completed = run(
        "datasets/prepare_casia.py",
        cwd=tmp_path,
        DETECTRON2_DATASETS="first",
        CONSTRAINED_RCNN_PREPARED=str(prepared),
    )
    assert completed.returncode == 0, completed.stderr
    (tmp_path / "first").rename(datasets)
    with monkeypatch.context() as patch:
        patch.setenv("CONSTRAINED_RCNN_PREPARED", str(prepared))
        catalog.register_predefined()
        dicts = DatasetCatalog.get("casia_v1_test")
    assert all(Path(entry["file_name"]).is_relative_to(datasets / "casia_v1") for entry in dicts)
    (datasets / "casia_v1").rename(datasets / "gone")
    with pytest.raises(UserError, match="no such image"):
        DatasetCatalog.get("casia_v1_test")


def test_own_set(datasets, tmp_path):
    (tmp_path / "annotations").mkdir()
    file = tmp_path / "annotations/mine.json"
    image = {
        "id": 1,
        "file_name": "a.png",
        "height": 4,
        "width": 4,
        "authentic": True,
        "technique": "authentic",
        "mask_file": None,
        "group": "a",
    }
    (tmp_path / "a.png").touch()
    file.write_text(
        json.dumps({"info": {}, "categories": [{"id": 1, "name": "tampered"}], "images": [image], "annotations": []})
    )
    try:
        catalog.register_dataset("mine", file)
        catalog.register_dataset("mine", file)
        assert MetadataCatalog.get("mine").thing_classes == ["tampered"]
        assert [entry["file_name"] for entry in DatasetCatalog.get("mine")] == [str(tmp_path / "a.png")]
        with pytest.raises(UserError, match="no such annotation file"):
            catalog.register_dataset("other", tmp_path / "annotations/other.json")
        assert "other" not in DatasetCatalog.list()
    finally:
        DatasetCatalog.remove("mine")
        MetadataCatalog.remove("mine")


def test_importing_touches_no_disk_and_expands_the_home_folder(tmp_path):
    code = (
        "import constrained_rcnn.data.catalog\n"
        "from detectron2.data import MetadataCatalog\n"
        "print(MetadataCatalog.get('casia_v1').json_file)\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(DETECTRON2_DATASETS="~/nowhere", HOME=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.strip() == str(tmp_path / "nowhere/casia_v1/annotations/casia_v1.json")
    assert list(tmp_path.iterdir()) == []
