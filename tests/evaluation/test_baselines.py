"""Pseudo-models: their contract, and that each finds what it is meant to find."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from constrained_rcnn.evaluation.baselines import BASELINES, evaluate_baseline
from constrained_rcnn.evaluation.metrics.pixel import score_map_metrics
from constrained_rcnn.utils.errors import UserError
from constrained_rcnn.utils.files import write_json_atomic, write_png_atomic

TOOL = Path(__file__).parents[2] / "tools" / "evaluate_baselines.py"


def jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def scene(rng, height, width):
    """A smooth image with mild camera noise."""
    coarse = rng.uniform(40, 215, (6, 8, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def forgery():
    """A region off the middle, noisier than its surroundings, which alone were JPEG before."""
    rng = np.random.default_rng(0)
    image = jpeg(scene(rng, 192, 256), 90)
    truth = np.zeros((192, 256), bool)
    truth[20:90, 20:110] = True
    noisy = np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    return np.where(truth[..., None], noisy, image), truth


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (40, 3), (60, 80)])
@pytest.mark.parametrize("kind", ["noise", "black", "white"])
def test_maps_keep_to_their_contract(name, shape, kind):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    if kind != "noise":
        image[:] = 255 * (kind == "white")
    original = image.copy()
    score_map = BASELINES[name](image)
    assert score_map.shape == shape and score_map.dtype == np.float32
    assert np.isfinite(score_map).all() and score_map.min() >= 0 and score_map.max() <= 1
    assert np.array_equal(image, original) and np.array_equal(score_map, BASELINES[name](image))


@pytest.mark.parametrize("name", ["error_level_analysis", "local_noise_variance"])
def test_traces_are_found(name, forgery):
    image, truth = forgery
    metrics = score_map_metrics(BASELINES[name](image), truth)
    assert metrics["auc"] > 0.9 and metrics["f1_best"] > 2 * metrics["f1_floor"]


def test_all_ones_scores_its_floor_and_the_centre_prior_is_centred(forgery):
    image, truth = forgery
    metrics = score_map_metrics(BASELINES["all_ones"](image), truth)
    assert metrics["f1_best"] == metrics["f1_fixed"] == metrics["f1_floor"] and metrics["auc"] == 0.5
    prior = BASELINES["centre_prior"](image)
    assert np.allclose(prior, prior[::-1, ::-1]) and prior[96, 128] == prior.max() > 0.99


@pytest.fixture
def dataset(tmp_path, forgery):
    """The annotation format on the disk: one forgery, one authentic image."""
    image, truth = forgery
    write_png_atomic(tmp_path / "images" / "forged.png", image)
    write_png_atomic(tmp_path / "images" / "authentic.png", image[::-1])
    write_png_atomic(tmp_path / "masks" / "forged.png", truth)
    common = {"height": 192, "width": 256, "group": "a"}
    images = [
        {
            "id": 1,
            "file_name": "images/forged.png",
            "authentic": False,
            "technique": "splice",
            "mask_file": "masks/forged.png",
        },
        {
            "id": 2,
            "file_name": "images/authentic.png",
            "authentic": True,
            "technique": "authentic",
            "mask_file": None,
        },
    ]
    path = tmp_path / "annotations" / "tiny.json"
    names = ("splice", "copy-move", "removal")
    content = {
        "info": {},
        "licenses": [],
        "annotations": [],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(names)],
        "images": [image | common for image in images],
    }
    write_json_atomic(path, content)
    return path


def test_evaluate_baseline_uses_the_evaluators_reduction(dataset):
    from constrained_rcnn.data.lookup import dataset_dicts

    dicts = dataset_dicts(str(dataset))
    summary = evaluate_baseline("all_ones", dicts)
    area = 70 * 90 / (192 * 256)
    assert summary["metrics"]["f1_best"] == pytest.approx(2 * area / (1 + area)) == summary["metrics"]["f1_floor"]
    assert summary["metrics"]["false_alarm_area"] == 1 and summary["metrics"]["image_auc"] == 0.5
    assert summary["counts"]["n_manipulated"] == summary["counts"]["n_authentic"] == 1
    assert not math.isnan(evaluate_baseline("error_level_analysis", dicts)["metrics"]["auc/splice"])
    with pytest.raises(UserError, match="no baseline 'nonsense'"):
        evaluate_baseline("nonsense", dicts)
    Path(dicts[0]["file_name"]).write_bytes(b"not an image")
    with pytest.raises(UserError, match="forged.png"):
        evaluate_baseline("all_ones", dicts)


def test_command_line(dataset, tmp_path):
    output = tmp_path / "numbers.json"
    command = [
        sys.executable,
        str(TOOL),
        "--dataset",
        str(dataset),
        "--baselines",
        "all_ones",
        "--output",
        str(output),
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "all_ones" in result.stdout and "n(manipulated) = 1, n(authentic) = 1" in result.stdout
    assert '"f1_floor"' in output.read_text()

    command[3] = str(tmp_path / "none.json")
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2 and "none.json" in result.stderr and "Traceback" not in result.stderr
