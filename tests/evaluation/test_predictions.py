"""Maps on the disk: what is scored from files equals what was scored directly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.structures import Boxes, Instances
from PIL import Image

from constrained_rcnn.data.lookup import dataset_dicts
from constrained_rcnn.data.techniques import TECHNIQUES
from constrained_rcnn.evaluation.manipulation_evaluator import build_evaluators
from constrained_rcnn.evaluation.map_files import find_maps, map_names, read_map, write_map
from constrained_rcnn.evaluation.metrics.records import MetricVariants, image_record
from constrained_rcnn.evaluation.metrics.summary import summarise
from constrained_rcnn.evaluation.predictions import BAD_MAP, NO_FILE, map_records
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.files import write_png_atomic
from tests.helpers.commands import running
from tests.helpers.tiny_data import write_set

ROOT = Path(__file__).resolve().parents[2]
EVERY_VARIANT = MetricVariants.from_names(["paper", "invert=max", "gt_border_ignore", "authentic_as_zero"])


def model_output(item, seed):
    """A noisy guess: boxes of the truth moved a little, a map that is not the boxes' masks."""
    rng = np.random.default_rng(seed)
    size = item["height"], item["width"]
    score_map = rng.random(size, dtype=np.float32) ** 4
    number = int(rng.integers(0, 3))
    corners = np.sort(rng.random((number, 2, 2)), axis=1) * [size[1], size[0]]
    instances = Instances(size)
    instances.pred_boxes = Boxes(torch.from_numpy(corners.reshape(number, 4).astype(np.float32)))
    instances.scores = torch.from_numpy(rng.random(number, dtype=np.float32))
    instances.pred_classes = torch.from_numpy(rng.integers(0, 3, number))
    masks = np.zeros((number, *size), bool)
    for mask, ((x1, y1), (x2, y2)) in zip(masks, corners.astype(int)):
        mask[y1 : y2 + 1, x1 : x2 + 1] = True
        score_map[mask] = np.minimum(score_map[mask] + 0.4, 1)
    instances.pred_masks = torch.from_numpy(masks)
    return {"instances": instances, "manipulation_map": torch.from_numpy(score_map),
            "manipulation_score": float(rng.random())}  # fmt: skip


@pytest.mark.parametrize("variants, flags", [
    (MetricVariants(), []),
    (EVERY_VARIANT, ["--paper", "--invert-max", "--gt-border-ignore", "--authentic-as-zero"]),
], ids=["plain", "every variant"])  # fmt: skip
def test_from_files_equals_the_direct_evaluation_exactly(tmp_path, variants, flags, capsys):
    data = write_set(tmp_path / "data", "test", 9)
    dicts, direct = dataset_dicts(data), tmp_path / "direct"
    evaluator = build_evaluators(data, dicts, TECHNIQUES, str(direct), mask_on=True, variants=variants, save_maps=True)
    evaluator.reset()
    for seed, item in enumerate(dicts):
        evaluator.process([item], [model_output(item, seed)])
    evaluator.evaluate()
    assert len(list((direct / "maps").glob("*.npz"))) == 9
    arguments = ["--dataset", data, "--maps", str(direct / "maps"), "--output", str(tmp_path / "again"), *flags]
    instances = ["--instances", str(direct / "coco_instances_results.json")]
    assert running("evaluate-predictions")([*arguments, *instances]) == 0
    assert "f1_best" in capsys.readouterr().out
    assert (direct / "per_image.json").read_text() == (tmp_path / "again" / "per_image.json").read_text()
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (direct, tmp_path / "again"))
    assert first.pop("dataset") and second.pop("dataset")
    assert np.sum(first["techniques"]["counts"]) > 0 and first["techniques"]["n_images"] == 9
    assert first == second and first["metrics"]["f1_best"] > 0 and first["coco"]["bbox"]["AP"] is not None


def test_no_maps_are_saved_unless_asked_for(tmp_path):
    data = write_set(tmp_path / "data", "test", 2)
    dicts = dataset_dicts(data)
    evaluator = build_evaluators("test", dicts, TECHNIQUES, str(tmp_path / "out"), mask_on=True)
    evaluator.reset()
    evaluator.process(dicts, [model_output(item, 0) for item in dicts])
    evaluator.evaluate()
    assert not (tmp_path / "out" / "maps").exists()


def save_8_bit(folder, name, values):
    write_png_atomic(folder / f"{name}.png", np.rint(values * 255).astype(np.uint8))
    return np.rint(values * 255).astype(np.uint8)


def save_16_bit(folder, name, values):
    write_png_atomic(folder / f"{name}.png", np.rint(values * 65535).astype(np.uint16))
    return np.rint(values * 65535).astype(np.uint16)


def save_colour(folder, name, values):
    grey = np.rint(values * 255).astype(np.uint8)
    write_png_atomic(folder / f"{name}.png", np.repeat(grey[:, :, None], 3, axis=2))
    return grey


def save_npy(folder, name, values):
    np.save(folder / f"{name}.npy", values[None])  # a batch of one
    return values


def save_npz(folder, name, values):
    np.savez(folder / f"{name}.npz", np.asarray(values, np.float64))
    return values.astype(np.float64)


def save_binary(folder, name, values):
    Image.fromarray(values > 0.5).save(folder / f"{name}.png")
    return values > 0.5


@pytest.mark.parametrize("save", [save_8_bit, save_16_bit, save_colour, save_npy, save_npz, save_binary])
def test_maps_of_other_tools(tmp_path, save):
    dicts = dataset_dicts(write_set(tmp_path / "data", "test", 5))
    maps = tmp_path / "maps"
    maps.mkdir()
    expected = []
    for seed, item in enumerate(dicts):
        values = model_output(item, seed)["manipulation_map"].numpy()
        stored = save(maps, Path(item["file_name"]).stem, values)
        level = np.iinfo(stored.dtype).max if stored.dtype.kind == "u" else 1
        expected.append(image_record(item, stored, float(stored.max()) / level))
    records, problems = map_records(dicts, maps)
    assert records == expected and not problems


def test_files_are_found_by_name_and_place(tmp_path):
    items = [
        {"image_id": i, "file_name": f"/data/{name}"}
        for i, name in enumerate(("a/one.jpg", "b/one.jpg", "b/one.png", "b/two.png"))
    ]
    assert map_names(items)[2] == "b/one.png"
    maps = tmp_path / "maps"
    for name in ("a/one.jpg", "b/one.jpg", "b/one.png", "b/two.png"):
        write_map(maps / f"{name}.npz", np.zeros((2, 2), np.float32))
    paths = find_maps(maps, items)
    assert {k: p.relative_to(maps).as_posix() for k, p in paths.items()} == {
        i: f"{name}.npz" for i, name in enumerate(("a/one.jpg", "b/one.jpg", "b/one.png", "b/two.png"))
    }
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in ("two_map.png", "two_map.npy", "two_other.png"):
        (flat / name).touch()
    assert find_maps(flat, items, "_map") == {3: flat / "two_map.npy"}
    (flat / "one_map.png").touch()
    with pytest.raises(UserError, match="one_map.png"):  # whose?
        find_maps(flat, items, "_map")
    with pytest.raises(UserError, match="no such folder"):
        find_maps(tmp_path / "none", items)
    with pytest.raises(UserError, match="named like an image"):
        find_maps(flat, items, "_mask")
    for place in ("x", "y"):
        write_map(tmp_path / "twice" / place / "two.npz", np.zeros((2, 2), np.float32))
    with pytest.raises(UserError, match="x/two.npz or .*y/two.npz"):
        find_maps(tmp_path / "twice", items)


def test_a_bad_map_is_skipped_and_said(tmp_path, capsys):
    data = write_set(tmp_path / "data", "test", 6)
    dicts, maps = dataset_dicts(data), tmp_path / "maps"
    for seed, item in enumerate(dicts):
        write_map(maps / f"{seed}.npz", model_output(item, seed)["manipulation_map"].numpy(), 0.5)
    (maps / "1.npz").write_bytes(b"PK\x03\x04 not a zip")
    write_map(maps / "2.npz", np.zeros((3, 3), np.float32))
    write_map(maps / "3.npz", np.full((dicts[3]["height"], dicts[3]["width"]), np.nan, np.float32))
    np.save(maps / "4.npy", np.array([{}], dtype=object), allow_pickle=True)
    (maps / "4.npz").unlink()
    (maps / "5.npz").unlink()
    assert running("evaluate-predictions")(["--dataset", data, "--maps", str(maps)]) == 1
    out = capsys.readouterr().out
    assert "techniques: not measured" in out  # no instances were given
    assert out.count("skipped: ") == 5 and "n(skipped) = 5" in out and BAD_MAP in out and NO_FILE in out
    for number, word in (
        ("1.npz", "zip"),
        ("2.npz", "3x3"),
        ("3.npz", "NaN"),
        ("4.npy", "objects"),
        ("5.png", "no map"),
    ):
        assert any(number in line and word.lower() in line.lower() for line in out.splitlines()), number
    records, _ = map_records(dicts, maps)
    assert summarise(records)["counts"]["n_manipulated"] == 0


def test_several_arrays_need_a_name(tmp_path):
    np.savez(tmp_path / "a.npz", conf=np.ones((2, 2)), mask=np.ones((2, 2)))
    with pytest.raises(UserError, match="'map'"):
        read_map(tmp_path / "a.npz")
    colours = np.zeros((4, 4, 3), np.uint8)
    colours[..., 0] = 9
    write_png_atomic(tmp_path / "a.png", colours)
    with pytest.raises(UserError, match="coloured"):
        read_map(tmp_path / "a.png")


def test_variants_by_name():
    assert EVERY_VARIANT == MetricVariants("max", True, True, True)
    with pytest.raises(UserError, match="authentic_as_zero"):
        MetricVariants.from_names(["authentic"])


def test_predefined_names_load_no_torch(tmp_path):
    """The whole command, on a name that the catalog knows, with annotations apart from the images."""
    source, prepared = tmp_path / "source", tmp_path / "prepared"
    data = Path(write_set(prepared / "casia_v1", "casia_v1_test", 3))
    (source / "casia_v1").mkdir(parents=True)
    (prepared / "casia_v1" / "images").rename(source / "casia_v1" / "images")
    for item in dataset_dicts(str(data)):
        stem = Path(item["file_name"]).stem
        write_map(tmp_path / "maps" / f"{stem}.npz", np.full((item["height"], item["width"]), 0.3, np.float32))
    code = (
        "import os, runpy, sys\n"
        f"os.environ.update(DETECTRON2_DATASETS={str(source)!r}, CONSTRAINED_RCNN_PREPARED={str(prepared)!r})\n"
        f"sys.argv = ['x', '--dataset', 'casia_v1_test', '--maps', {str(tmp_path / 'maps')!r}]\n"
        f"try:\n    runpy.run_path({str(ROOT / 'tools' / 'evaluate_predictions.py')!r}, run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules and 'detectron2' not in sys.modules\n"
    )
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert completed.returncode == 0, completed.stderr
    assert "n(manipulated) = 2, n(authentic) = 1" in completed.stdout
