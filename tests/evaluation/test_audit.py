"""What files give away without a pixel, the warning it leads to, and the variant that mends it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from constrained_rcnn.data import annotation_format
from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.evaluation.audit import (
    audit,
    audit_table,
    audit_warning,
    cross_validated,
    file_traits,
    write_audit,
)
from constrained_rcnn.evaluation.map_files import write_map
from constrained_rcnn.evaluation.perturbations import jpeg
from constrained_rcnn.evaluation.recompression import recompress
from constrained_rcnn.images.reading import read_image
from constrained_rcnn.utils.errors import OutputError, UserError
from tests.helpers.commands import running
from tests.helpers.tiny_data import write_set


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """40 JPEGs: tampered ones saved at quality 95, authentic ones at 80, but for one of each; equal otherwise."""
    root = tmp_path_factory.mktemp("audit")
    path = Path(write_set(root, "set", 40, authentic_every=2))
    content = json.loads(path.read_text())
    for index, image in enumerate(content["images"]):
        source = root / image["file_name"]
        image["file_name"] = f"images/set/{100 + index}.jpg"
        image["group"] = str(index // 4)
        quality = 80 if image["authentic"] != (index in (0, 1)) else 95
        with Image.open(source) as opened:
            opened.save(root / image["file_name"], quality=quality)
        source.unlink()
    path.write_text(json.dumps(content))
    return path


def test_the_table_gives_them_away_and_the_rest_does_not(data):
    result = audit(dataset_dicts(str(data)))
    traits = result["traits"]
    assert traits["quantisation"]["accuracy"] == traits["quantisation"]["fitted"] == 38 / 40
    assert traits["quantisation"]["flagged"] and traits["visible"]["flagged"] and result["flagged"]
    lower, upper = traits["quantisation"]["interval"]
    assert 0.8 < lower < 0.95 < upper <= 1
    for name in ("size", "format", "metadata", "name_length"):
        assert not traits[name]["flagged"] and traits[name]["accuracy"] < 0.75, name
    assert (result["n_tampered"], result["n_authentic"], result["n_groups"]) == (20, 20, 10)
    assert "FLAGGED" in audit_table(result)


def test_no_file_is_classified_by_its_own_group():
    """Values that occur in one group only say nothing of others, however well they fit."""
    groups = np.repeat(np.arange(20), 2)
    labels = groups % 2 == 0
    predicted = cross_validated([groups], labels, groups)
    assert not predicted.any()
    shared = cross_validated([labels.astype(np.int64)], labels, groups)
    assert np.array_equal(shared, labels)


def test_what_no_network_sees_does_not_flag_a_set(tmp_path):
    """Names tell the kinds apart; images do not."""
    items = []
    for index in range(40):
        path = tmp_path / ("a" * (1 + index % 2) + f"{index:02d}.png")
        Image.new("RGB", (20, 20)).save(path)
        items.append({"image_id": index, "file_name": str(path), "authentic": index % 2 == 0})
    result = audit(items)
    assert result["traits"]["name_length"]["flagged"] and not result["flagged"]
    (tmp_path / "a00.png").write_bytes(b"no image")
    assert len(audit(items)["skipped"]) == 1
    with pytest.raises(UserError, match="0 authentic"):
        audit([item for item in items if not item["authentic"]])


def test_traits(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", quality=70, comment=b"hello")
    Image.new("L", (8, 6)).save(tmp_path / "long.png")
    jpeg_file, png_file = file_traits(tmp_path / "a.jpg"), file_traits(tmp_path / "long.png")
    assert jpeg_file["size"] == png_file["size"] == "8x6" and "comment" in jpeg_file["metadata"]
    assert (png_file["quantisation"], png_file["format"], png_file["name_length"]) == ("none", "PNG L", "8")
    Image.new("RGB", (8, 6)).save(tmp_path / "b.jpg", quality=70, subsampling="4:4:4")
    assert file_traits(tmp_path / "b.jpg")["quantisation"] != jpeg_file["quantisation"]


def test_evaluations_warn_and_the_recompressed_set_is_clean(data, tmp_path, capsys):
    maps = tmp_path / "maps"
    for item in dataset_dicts(str(data)):
        write_map(maps / f"{Path(item['file_name']).stem}.npz", np.zeros((item["height"], item["width"]), np.float32))
    score = ["--maps", str(maps), "--dataset"]
    assert running("evaluate-predictions")([*score, str(data)]) == 0
    assert "WARNING" not in capsys.readouterr().out
    assert running("audit")(["--dataset", str(data)]) == 0
    assert "FLAGGED" in capsys.readouterr().out
    assert running("evaluate-predictions")([*score, str(data), "--output", str(tmp_path / "out")]) == 0
    warning = "WARNING: image_auc, image_f1 and image_bacc are not to be trusted here: quantisation alone"
    assert warning in capsys.readouterr().out
    assert "95.00%" in json.loads((tmp_path / "out" / "metrics.json").read_text())["warnings"][0]
    assert running("evaluate-baselines")(["--dataset", str(data), "--baselines", "all_ones"]) == 0
    assert warning in capsys.readouterr().out

    output = tmp_path / "new"
    assert running("recompress")(["--dataset", str(data), "--output", str(output), "--quality", "75"]) == 0
    recompressed = str(output / "annotations" / "set.json")
    assert recompressed in capsys.readouterr().out
    assert running("audit")(["--dataset", recompressed]) == 0
    assert "FLAGGED" not in capsys.readouterr().out
    assert running("evaluate-predictions")([*score, recompressed]) == 0
    assert "WARNING" not in capsys.readouterr().out
    for entry, recompressed_entry in zip(dataset_dicts(str(data)), dataset_dicts(recompressed)):
        expected = jpeg(read_image(entry["file_name"]), 75)
        assert np.array_equal(read_image(recompressed_entry["file_name"]), expected)
        assert (
            entry["annotations"] == recompressed_entry["annotations"] and entry["group"] == recompressed_entry["group"]
        )
        if entry["mask_file_name"]:
            assert Path(entry["mask_file_name"]).read_bytes() == Path(recompressed_entry["mask_file_name"]).read_bytes()
    other_set = write_set(tmp_path / "again", "set", 2)
    with pytest.raises(UserError, match="holds results with source .*; give another --output"):
        recompress([other_set], output, quality=75)  # equal names would be taken for equal images
    (tmp_path / "full" / "images" / "images").mkdir(parents=True)
    (tmp_path / "full" / "images" / "images" / "set").touch()  # in the way of a folder
    with pytest.raises(OutputError, match="images/set/0.png.jpg: cannot be written: "):
        recompress([other_set], tmp_path / "full")  # no fault of the image
    with pytest.raises(UserError, match="another --output"):
        recompress([str(data)], output, quality=80)
    with pytest.raises(UserError, match="itself"):
        recompress([str(data)], data.parent.parent)


def test_a_split_inherits_the_audit_of_its_set(data, tmp_path):
    set_file = tmp_path / "annotations" / "casia_v1.json"
    write_audit(set_file, audit(dataset_dicts(str(data))))
    assert "casia_v1_audit.json" in audit_warning(set_file.with_name("casia_v1_test.json"))
    assert audit_warning(set_file.with_name("coverage.json")) is None and audit_warning(None) is None
    (tmp_path / "annotations" / "casia_v1_audit.json").write_text("{")
    assert "cannot be read" in audit_warning(set_file)


def test_formats_other_than_jpeg_keep_their_suffix_in_the_name(tmp_path):
    data = write_set(tmp_path / "data", "test", 3)
    paths, problems = recompress([data], tmp_path / "new")
    assert not problems
    assert [Path(i["file_name"]).name for i in annotation_format.load(paths[0])] == [
        "0.png.jpg",
        "1.png.jpg",
        "2.png.jpg",
    ]


def test_casia_v1_is_given_away_by_its_quantisation_tables():
    """Needs the data only, not its preparation: every file's kind stands in its name."""
    root = Path(os.environ.get("DETECTRON2_DATASETS", "")) / "casia_v1"
    if not os.environ.get("DETECTRON2_DATASETS") or not root.is_dir():
        pytest.skip("DETECTRON2_DATASETS is not set, or has no casia_v1")
    files = sorted(path for path in root.rglob("*.jpg") if path.name.startswith(("Au_", "Sp_")))
    items = [{"image_id": i, "file_name": str(p), "authentic": p.name.startswith("Au_")} for i, p in enumerate(files)]
    table = audit(items)["traits"]["quantisation"]
    assert table["flagged"] and table["accuracy"] > 0.99 and table["fitted"] > 0.995
